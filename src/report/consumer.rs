//! Several takers of one event stream: the terminal, and the files that machines read.

use crate::event::Event;

/// Takes the events of one call, from any thread; those of one thread come in order.
pub trait Consumer: Sync {
    fn handle(&self, event: &Event);

    /// No event comes any more: what is buffered is written.
    ///
    /// # Errors
    /// What could not be written, as a sentence.
    fn finish(&self) -> Result<(), String> {
        Ok(())
    }
}

/// Hands each event to all of its consumers, in their order.
#[derive(Default)]
pub struct Fanout<'a>(pub Vec<Box<dyn Consumer + 'a>>);

impl Consumer for Fanout<'_> {
    fn handle(&self, event: &Event) {
        self.0.iter().for_each(|consumer| consumer.handle(event));
    }

    fn finish(&self) -> Result<(), String> {
        let mut errors: Vec<String> = Vec::new();
        for consumer in &self.0 {
            errors.extend(consumer.finish().err());
        }
        if errors.is_empty() {
            Ok(())
        } else {
            Err(errors.join("; "))
        }
    }
}
