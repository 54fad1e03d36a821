//! Globs over project paths: `*`, `?`, `[…]`, `{a,b}` within a component, `**` across components.
