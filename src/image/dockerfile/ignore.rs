//! `.dockerignore`: what is kept out of a build's context (Dockerfile reference, "dockerignore file"). Builders decide about
//! a path in three ways that differ in corners; a path counts as kept out only where all of them keep it out.

use serde::{Deserialize, Serialize};

/// `.dockerignore`: later lines win, `!` takes back.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Ignore {
    lines: Vec<Rule>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Rule {
    /// `!`.
    takes_back: bool,
    /// Cleaned.
    text: String,
    components: usize,
    /// None: nothing in it is special.
    tokens: Option<Vec<Token>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Token {
    Char(char),
    /// `?`: one character but `/`.
    One,
    /// `*`: any number of characters but `/`.
    Any,
    /// `[a-z]`, `[^a]`.
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
    /// `**/` or `**` before something: nothing, or anything up to a `/`. Always followed by [`Token::Loop`].
    Deep,
    /// Within the anything of [`Token::Deep`].
    Loop,
    /// `**` at the end: whatever comes.
    Rest,
}

impl Ignore {
    /// A line that is no pattern is left out; the builder complains about it.
    pub fn parse(text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut lines: Vec<Rule> = text.lines().filter_map(Rule::parse).collect();
        // Who knows what it takes back.
        if lines
            .iter()
            .any(|rule| rule.takes_back && rule.is_obscure())
        {
            return Self::default();
        }
        lines.retain(|rule| !rule.is_obscure());
        Self { lines }
    }
    /// Whether a path below the context (`a/b`, no leading `/`) is kept out.
    pub fn excludes(&self, path: &str) -> bool {
        let ends = path.match_indices('/').map(|(at, _)| at);
        // The path's parents, the highest first, and itself.
        let paths: Vec<&str> = ends.chain([path.len()]).map(|end| &path[..end]).collect();
        let matches: Vec<Vec<bool>> = self.lines.iter().map(|rule| rule.matches(&paths)).collect();
        self.by_walk(&paths, &matches)
            && self.by_parents(&matches)
            && self.by_handing_down(paths.len(), &matches)
    }
    /// Whether neither the path nor anything below it can be in the context.
    pub fn prunes(&self, dir: &str) -> bool {
        let mut takes_back = self.lines.iter().filter(|rule| rule.takes_back);
        !takes_back.any(|rule| rule.may_reach_into(dir)) && self.excludes(dir)
    }

    // `matches` has, for each rule, which of the paths it matches.

    /// Docker before 23: a rule matches the path, or its parent of as many components as the rule has; a directory that is
    /// out is not entered unless a `!` starts with its name.
    fn by_walk(&self, paths: &[&str], matches: &[Vec<bool>]) -> bool {
        let is_out = |depth: usize| {
            let mut out = false;
            for (at, rule) in self.lines.iter().enumerate() {
                let matches = &matches[at];
                let parent = rule.components - 1;
                if matches[depth] || (parent < depth && matches[parent]) {
                    out = !rule.takes_back;
                }
            }
            out
        };
        let entered = |dir: &str| {
            let mut takes_back = self.lines.iter().filter(|rule| rule.takes_back);
            takes_back.any(|rule| match rule.text.strip_prefix(dir) {
                Some(rest) => rest.is_empty() || rest.starts_with('/'),
                None => false,
            })
        };
        let last = paths.len() - 1;
        (0..last).any(|depth| is_out(depth) && !entered(paths[depth])) || is_out(last)
    }
    /// A rule that matches a parent matches the path.
    fn by_parents(&self, matches: &[Vec<bool>]) -> bool {
        let mut out = false;
        for (at, rule) in self.lines.iter().enumerate() {
            if rule.takes_back == out && matches[at].contains(&true) {
                out = !rule.takes_back;
            }
        }
        out
    }
    /// Docker since 23: what a parent was matched by is handed down; rules that made no difference there were not asked.
    fn by_handing_down(&self, depth: usize, matches: &[Vec<bool>]) -> bool {
        let mut handed_down = vec![false; self.lines.len()];
        let mut out = false;
        for depth in 0..depth {
            out = false;
            for ((rule, matches), handed_down) in
                self.lines.iter().zip(matches).zip(&mut handed_down)
            {
                if !*handed_down {
                    if rule.takes_back != out {
                        continue;
                    }
                    *handed_down = matches[depth];
                }
                if *handed_down {
                    out = !rule.takes_back;
                }
            }
        }
        out
    }
}

impl Rule {
    fn parse(line: &str) -> Option<Self> {
        // A comment starts in the first column.
        if line.starts_with('#') {
            return None;
        }
        let line = line.trim();
        let (takes_back, text) = match line.strip_prefix('!') {
            Some(text) => (true, text.trim()),
            None => (false, line),
        };
        if text.is_empty() {
            return None;
        }
        let text = clean(text);
        let tokens = if text.contains(['*', '?', '[', ']', '\\']) {
            Some(tokens(&text)?)
        } else {
            None
        };
        Some(Self {
            takes_back,
            components: text.split('/').count(),
            text,
            tokens,
        })
    }
    /// Whether it has an escaped letter or digit: builders hand that on to their regular expressions, where `\a` is a bell
    /// and `\d` any digit.
    fn is_obscure(&self) -> bool {
        let mut chars = self.text.chars();
        while let Some(c) = chars.next() {
            if c == '\\' && chars.next().is_some_and(|c| c.is_ascii_alphanumeric()) {
                return true;
            }
        }
        false
    }
    /// For a path and its parents, the highest first.
    fn matches(&self, paths: &[&str]) -> Vec<bool> {
        match &self.tokens {
            None => paths.iter().map(|path| self.text == *path).collect(),
            Some(tokens) => run(tokens, paths.last().expect("a path is among them")),
        }
    }
    /// Whether it can match something at or below a directory, as far as its fixed beginning tells.
    fn may_reach_into(&self, dir: &str) -> bool {
        let is_fixed = |part: &&str| !part.contains(['*', '?', '[', ']', '\\']);
        let mut fixed = self.text.split('/').take_while(is_fixed);
        let mut parts = dir.split('/');
        loop {
            match (fixed.next(), parts.next()) {
                (Some(a), Some(b)) if a == b => {}
                (Some(_), Some(_)) => return false,
                _ => return true,
            }
        }
    }
}

/// As Go's `filepath.Clean`, and without a leading `/`.
fn clean(text: &str) -> String {
    let is_rooted = text.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            ".." if is_rooted => {}
            part => parts.push(part),
        }
    }
    match (parts.is_empty(), is_rooted) {
        (true, true) => "/".to_owned(),
        (true, false) => ".".to_owned(),
        (false, _) => parts.join("/"),
    }
}

/// None: no pattern.
fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '*' if chars.next_if_eq(&'*').is_some() => {
                chars.next_if_eq(&'/');
                if chars.peek().is_none() {
                    tokens.push(Token::Rest);
                } else {
                    tokens.extend([Token::Deep, Token::Loop]);
                }
            }
            '*' => tokens.push(Token::Any),
            '?' => tokens.push(Token::One),
            '[' => tokens.push(class(&mut chars)?),
            '\\' => tokens.push(Token::Char(chars.next()?)),
            c => tokens.push(Token::Char(c)),
        }
    }
    Some(tokens)
}

/// What stands behind a `[`, with the `]`.
fn class(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<Token> {
    let negated = chars.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    loop {
        let low = match chars.next()? {
            ']' if ranges.is_empty() => return None,
            ']' => return Some(Token::Class { negated, ranges }),
            '\\' => chars.next()?,
            c => c,
        };
        let mut high = low;
        if chars.next_if_eq(&'-').is_some() {
            high = match chars.next()? {
                ']' => return None,
                '\\' => chars.next()?,
                c => c,
            };
        }
        ranges.push((low, high));
    }
}

/// Whether the tokens match a path's parents, the highest first, and itself: all states at once, so that no pattern
/// takes long.
fn run(tokens: &[Token], path: &str) -> Vec<bool> {
    let mut matches = Vec::new();
    let mut now = vec![false; tokens.len() + 1];
    let mut next = now.clone();
    enter(tokens, &mut now, 0);
    for c in path.chars() {
        if c == '/' {
            matches.push(now[tokens.len()]);
        }
        next.fill(false);
        for (at, token) in tokens.iter().enumerate() {
            if !now[at] {
                continue;
            }
            match token {
                Token::Char(wanted) if *wanted == c => enter(tokens, &mut next, at + 1),
                Token::One if c != '/' => enter(tokens, &mut next, at + 1),
                Token::Any if c != '/' => enter(tokens, &mut next, at),
                Token::Class { negated, ranges } => {
                    let within = ranges.iter().any(|(low, high)| (*low..=*high).contains(&c));
                    if within != *negated && c != '/' {
                        enter(tokens, &mut next, at + 1);
                    }
                }
                Token::Loop => {
                    next[at] = true;
                    if c == '/' {
                        enter(tokens, &mut next, at + 1);
                    }
                }
                Token::Rest => enter(tokens, &mut next, at),
                _ => {}
            }
        }
        std::mem::swap(&mut now, &mut next);
    }
    matches.push(now[tokens.len()]);
    matches
}

/// Marks a state, and those that are reached from it without a character.
fn enter(tokens: &[Token], states: &mut [bool], mut at: usize) {
    loop {
        if std::mem::replace(&mut states[at], true) {
            return;
        }
        match tokens.get(at) {
            Some(Token::Any | Token::Rest) => at += 1,
            Some(Token::Deep) => {
                states[at + 1] = true;
                at += 2;
            }
            _ => return,
        }
    }
}
