//! How well a text fits what somebody types to find it. Pure.

/// The better, the greater; None where it does not fit. Each word of `typed` must be found: in `name` as letters in this order, at the
/// beginning of `label`, or in `help` as it stands. Case does not count.
pub fn score(typed: &str, label: &str, name: &str, help: &str) -> Option<i64> {
    let (name, help) = (name.to_lowercase(), help.to_lowercase());
    let words = typed.split_whitespace().map(str::to_lowercase);
    words
        .map(|word| {
            let beside = || label.starts_with(&word) || help.contains(&word);
            in_name(&word, &name).or_else(|| beside().then_some(0))
        })
        .sum()
}

/// A name that begins with the word is best, one that holds it next, and one that holds only its letters last.
fn in_name(word: &str, name: &str) -> Option<i64> {
    let surplus = (name.chars().count() as i64 - word.chars().count() as i64).min(99);
    if name == word {
        return Some(2_000);
    }
    if let Some(at) = name.find(word) {
        let begins = name[..at].chars().next_back().is_none_or(is_break);
        return Some(
            if at == 0 {
                1_500
            } else if begins {
                1_200
            } else {
                1_000
            } - surplus,
        );
    }
    let letters: Vec<char> = word.chars().collect();
    let all: Vec<char> = name.chars().collect();
    let starts = (0..all.len()).filter(|&at| Some(&all[at]) == letters.first());
    let best = starts
        .filter_map(|start| walk(&letters, &all, start))
        .max()?;
    Some(best - surplus)
}

/// The letters one after another from `start`: neighbours and beginnings of words count more.
fn walk(letters: &[char], all: &[char], start: usize) -> Option<i64> {
    let (mut at, mut points) = (start, 0);
    for (number, letter) in letters.iter().enumerate() {
        let found = at + all[at..].iter().position(|c| c == letter)?;
        let begins = found == 0 || is_break(all[found - 1]);
        points += match (begins, number > 0 && found == at) {
            (true, _) => 30,
            (false, true) => 20,
            (false, false) => 5,
        };
        at = found + 1;
    }
    Some(points.min(800))
}

fn is_break(c: char) -> bool {
    !c.is_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_the_one_that_a_person_expects() {
        let names = [
            "test-app",
            "build-all",
            "app",
            "application",
            "a-p-p",
            "deploy",
            "snapper",
        ];
        let mut found: Vec<(i64, &str)> = names
            .iter()
            .filter_map(|name| Some((score("app", "", name, "")?, *name)))
            .collect();
        found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
        let found: Vec<&str> = found.into_iter().map(|(_, name)| name).collect();
        assert_eq!(
            found,
            ["app", "application", "test-app", "snapper", "a-p-p"]
        );
    }

    #[test]
    fn every_word_counts_and_help_helps() {
        assert!(score("dist lin", "task", "dist[linux,amd64]", "").is_some());
        assert!(score("dist mac", "task", "dist[linux,amd64]", "").is_none());
        assert!(score("copies", "task", "deploy", "Copies the program").is_some());
        assert!(score("ta dep", "task", "deploy", "").is_some());
        assert!(score("sk", "task", "deploy", "").is_none());
        assert!(score("DPL", "task", "deploy", "").is_some());
        assert_eq!(score("", "task", "deploy", ""), Some(0));
        assert!(score("größe", "task", "GRÖSSE größe", "").is_some());
    }

    #[test]
    fn letters_that_only_come_again_later_are_found() {
        assert!(score("bc", "task", "b-x-bc", "").is_some());
        assert!(score("cb", "task", "bc", "").is_none());
    }
}
