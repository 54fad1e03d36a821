//! Values that are made when they are first asked for. Who asks does not see the difference. Knows nothing of what they are made
//! of.

use crate::base::ids::{Id, IdVec};
use std::fmt;
use std::ops::{Deref, DerefMut, Index, IndexMut};
use std::sync::{Arc, OnceLock};

/// Makes the item of an id; called once for each, at most.
type Make<I, T> = Arc<dyn Fn(I) -> T + Send + Sync>;

/// As an [`IdVec`]; items may be made one by one as they are asked for.
pub struct LaterVec<I, T>(Form<I, T>);

enum Form<I, T> {
    Here(IdVec<I, T>),
    Later {
        // Boxed, so that what is never asked for takes two words.
        items: Vec<OnceLock<Box<T>>>,
        make: Make<I, T>,
    },
}

impl<I: Id, T> LaterVec<I, T> {
    pub fn later(len: usize, make: Make<I, T>) -> Self {
        let items = std::iter::repeat_with(OnceLock::new).take(len).collect();
        Self(Form::Later { items, make })
    }
    pub fn len(&self) -> usize {
        match &self.0 {
            Form::Here(items) => items.len(),
            Form::Later { items, .. } => items.len(),
        }
    }
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = I> + use<I, T> {
        (0..self.len()).map(I::from_index)
    }
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (I, &T)> {
        self.ids().map(|id| (id, &self[id]))
    }
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.ids().map(|id| &self[id])
    }
    pub fn push(&mut self, item: T) -> I {
        self.here().push(item)
    }

    /// All of them, made.
    fn here(&mut self) -> &mut IdVec<I, T> {
        if let Form::Later { items, make } = &mut self.0 {
            let items = std::mem::take(items).into_iter().enumerate();
            let made = items.map(|(at, item)| match item.into_inner() {
                Some(item) => *item,
                None => make(I::from_index(at)),
            });
            self.0 = Form::Here(made.collect());
        }
        match &mut self.0 {
            Form::Here(items) => items,
            Form::Later { .. } => unreachable!("all have just been made"),
        }
    }
}

impl<I: Id, T> Index<I> for LaterVec<I, T> {
    type Output = T;
    fn index(&self, id: I) -> &T {
        match &self.0 {
            Form::Here(items) => &items[id],
            Form::Later { items, make } => items[id.index()].get_or_init(|| Box::new(make(id))),
        }
    }
}
impl<I: Id, T> IndexMut<I> for LaterVec<I, T> {
    fn index_mut(&mut self, id: I) -> &mut T {
        &mut self.here()[id]
    }
}
impl<I: Id, T> Default for LaterVec<I, T> {
    fn default() -> Self {
        Self(Form::Here(IdVec::new()))
    }
}
impl<I: Id, T> From<IdVec<I, T>> for LaterVec<I, T> {
    fn from(items: IdVec<I, T>) -> Self {
        Self(Form::Here(items))
    }
}
impl<I: Id, T> IntoIterator for LaterVec<I, T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;
    fn into_iter(mut self) -> Self::IntoIter {
        std::mem::take(self.here()).into_iter()
    }
}
impl<I: Id, T: fmt::Debug> fmt::Debug for LaterVec<I, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.values()).finish()
    }
}

/// A value that may be made when it is first looked at.
pub struct Later<T> {
    value: OnceLock<T>,
    make: Option<Arc<dyn Fn() -> T + Send + Sync>>,
}

impl<T> Later<T> {
    pub fn made_by(make: Arc<dyn Fn() -> T + Send + Sync>) -> Self {
        Self {
            value: OnceLock::new(),
            make: Some(make),
        }
    }
}

impl<T: Default> Deref for Later<T> {
    type Target = T;
    fn deref(&self) -> &T {
        self.value
            .get_or_init(|| self.make.as_ref().map(|make| make()).unwrap_or_default())
    }
}
impl<T: Default> DerefMut for Later<T> {
    fn deref_mut(&mut self) -> &mut T {
        let _: &T = self;
        self.value.get_mut().expect("it has just been made")
    }
}
impl<T> Default for Later<T> {
    fn default() -> Self {
        Self {
            value: OnceLock::new(),
            make: None,
        }
    }
}
impl<T> From<T> for Later<T> {
    fn from(value: T) -> Self {
        Self {
            value: value.into(),
            make: None,
        }
    }
}
impl<T: Default + fmt::Debug> fmt::Debug for Later<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dense_id;
    use std::sync::atomic::{AtomicUsize, Ordering};

    dense_id! {
        /// Of a number.
        NumberId
    }

    #[test]
    fn each_item_is_made_once_and_only_when_it_is_asked_for() {
        let made = Arc::new(AtomicUsize::new(0));
        let count = made.clone();
        let make = move |id: NumberId| {
            count.fetch_add(1, Ordering::Relaxed);
            id.0 * 10
        };
        let mut items = LaterVec::later(5, Arc::new(make));
        assert_eq!((items.len(), made.load(Ordering::Relaxed)), (5, 0));
        assert_eq!((items[NumberId(3)], items[NumberId(3)]), (30, 30));
        assert_eq!(made.load(Ordering::Relaxed), 1);
        items[NumberId(1)] = 7;
        assert_eq!(items.push(50), NumberId(5));
        assert_eq!(made.load(Ordering::Relaxed), 5);
        let all: Vec<u32> = items.values().copied().collect();
        assert_eq!(all, [0, 7, 20, 30, 40, 50]);
        assert_eq!(items.into_iter().collect::<Vec<_>>(), all);
    }

    #[test]
    fn a_value_is_made_when_it_is_looked_at() {
        let mut text: Later<String> = Later::made_by(Arc::new(|| "made".to_owned()));
        assert!(text.value.get().is_none());
        text.push('!');
        assert_eq!(*text, "made!");
        assert_eq!(*Later::<String>::default(), "");
    }
}
