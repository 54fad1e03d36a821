//! A path that two patterns both match, found by trying those that they suggest. Finding none proves nothing.

use crate::base::glob::Pattern;

/// Some path that both match.
pub(super) fn common_match(a: &Pattern, b: &Pattern) -> Option<String> {
    let fits = |path: &String| a.matches(path) && b.matches(path);
    for x in shapes(a.as_str()) {
        for y in shapes(b.as_str()) {
            let found = crossed(&x, &y).filter(fits);
            if found.is_some() {
                return found;
            }
        }
    }
    None
}

/// The components, with the first `**` as so many directories and others as none.
fn shapes(text: &str) -> Vec<Vec<&str>> {
    const DEEPEST: usize = 4;
    let parts: Vec<&str> = text
        .split('/')
        .filter(|part| !matches!(*part, "" | "."))
        .collect();
    let Some(deep) = parts.iter().position(|part| *part == "**") else {
        return vec![parts];
    };
    let shape = |count| {
        let rest = parts[deep + 1..].iter().filter(|part| **part != "**");
        let before = parts[..deep].iter().copied();
        before
            .chain(std::iter::repeat_n("*", count))
            .chain(rest.copied())
            .collect()
    };
    (0..=DEEPEST).map(shape).collect()
}

/// A path of components that each pair agrees upon.
fn crossed(a: &[&str], b: &[&str]) -> Option<String> {
    if a.len() != b.len() {
        return None;
    }
    let parts: Option<Vec<String>> = a.iter().zip(b).map(|(a, b)| name(a, b)).collect();
    parts.map(|parts| parts.join("/"))
}

/// A name that both components match.
fn name(a: &str, b: &str) -> Option<String> {
    let (first, second) = (Pattern::new(a).ok()?, Pattern::new(b).ok()?);
    let mut tries = Vec::new();
    for star in ["", "x"] {
        tries.extend([filled(a, star), filled(b, star)]);
    }
    // `a*` and `*b` agree upon `ab`.
    for (a, b) in [(a, b), (b, a)] {
        if let (Some((start, _)), Some((_, end))) = (a.split_once('*'), b.rsplit_once('*')) {
            tries.push(filled(&format!("{start}{end}"), "x"));
        }
    }
    let fits = |name: &String| first.matches(name) && second.matches(name);
    tries.into_iter().flatten().find(fits)
}

/// A name that the component most likely matches; None for what is not worth the trouble.
fn filled(component: &str, star: &str) -> Option<String> {
    let mut name = String::new();
    let mut rest = component.chars();
    while let Some(c) = rest.next() {
        match c {
            '*' => name.push_str(star),
            '?' => name.push('x'),
            '[' => {
                name.push(rest.next().filter(|c| !"!^]\\".contains(*c))?);
                rest.find(|c| *c == ']')?;
            }
            '{' => {
                let (inner, after) = rest.as_str().split_once('}')?;
                name.push_str(&filled(inner.split(',').next()?, star)?);
                rest = after.chars();
            }
            '\\' => name.push(rest.next()?),
            plain => name.push(plain),
        }
    }
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_patterns_agree_upon_is_matched_by_both() {
        let both = |a: &str, b: &str| {
            common_match(&Pattern::new(a).unwrap(), &Pattern::new(b).unwrap()).unwrap_or_default()
        };
        assert_eq!(both("m/a*", "m/ab*"), "m/ab");
        assert_eq!(both("g/*.x", "g/b*"), "g/b.x");
        assert_eq!(both("g/*.pb.go", "g/*_grpc.pb.go"), "g/_grpc.pb.go");
        assert_eq!(both("g/**", "g/a/*.x"), "g/a/x.x");
        assert_eq!(both("g/[ab]?.{c,h}", "g/*.c"), "g/ax.c");
        assert_eq!(both("g/*.c", "g/*.h"), "");
        assert_eq!(both("g/**/a", "h/**"), "");
    }
}
