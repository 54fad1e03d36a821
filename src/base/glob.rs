//! Globs over project paths: `*`, `?`, `[…]`, `{a,b}` within a component, `**` across components.

pub struct Pattern;
impl Pattern {
    pub fn new(_text: &str) -> Result<Self, String> { todo!() }
    pub fn matches(&self, _path: &str) -> bool { todo!() }
}
