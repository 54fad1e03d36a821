//! Several takers of one event stream: the terminal, and the files that machines read.

use crate::event::Event;

/// Takes the events of one call, from any thread; those of one thread come in order.
pub trait Consumer: Sync {
    fn handle(&self, event: &Event);

    /// Something is wrong with the Gofile or the call. It has been shown to the user.
    fn wrong(&self, _mistake: &Mistake) {}

    /// No event comes any more, and the call ends with this exit status: what is buffered is written.
    ///
    /// # Errors
    /// What could not be written, as a sentence.
    fn finish(&self, _status: u8) -> Result<(), String> {
        Ok(())
    }
}

/// A diagnostic, for machines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Else a lint.
    pub is_error: bool,
    /// `gomake::plan::cycle`.
    pub code: Option<String>,
    pub message: String,
    pub help: Option<String>,
    /// File as it is shown, line and column from 1.
    pub place: Option<(String, usize, usize)>,
}

/// Hands each event to all of its consumers, in their order.
#[derive(Default)]
pub struct Fanout<'a>(pub Vec<Box<dyn Consumer + 'a>>);

impl Consumer for Fanout<'_> {
    fn handle(&self, event: &Event) {
        self.0.iter().for_each(|consumer| consumer.handle(event));
    }

    fn wrong(&self, mistake: &Mistake) {
        self.0.iter().for_each(|consumer| consumer.wrong(mistake));
    }

    fn finish(&self, status: u8) -> Result<(), String> {
        let mut errors: Vec<String> = Vec::new();
        for consumer in &self.0 {
            errors.extend(consumer.finish(status).err());
        }
        if errors.is_empty() {
            Ok(())
        } else {
            Err(errors.join("; "))
        }
    }
}

impl<C: Consumer + ?Sized> Consumer for &C {
    fn handle(&self, event: &Event) {
        (**self).handle(event);
    }
    fn wrong(&self, mistake: &Mistake) {
        (**self).wrong(mistake);
    }
    fn finish(&self, status: u8) -> Result<(), String> {
        (**self).finish(status)
    }
}
