//! The words of a `go build` or `go test` command as flags. Rules: `go help build`, `go help testflag`, and Go's package `flag`, by which
//! `-run=X` and `--run X` are one.

/// Flags with a value, which may stand in the next word. `-buildvcs` is none of them: its value is never another word.
const VALUED: &[&str] = &[
    "asmflags",
    "bench",
    "benchtime",
    "blockprofile",
    "buildmode",
    "compiler",
    "count",
    "covermode",
    "coverpkg",
    "coverprofile",
    "cpu",
    "cpuprofile",
    "exec",
    "fuzz",
    "fuzztime",
    "gccgoflags",
    "gcflags",
    "installsuffix",
    "ldflags",
    "list",
    "memprofile",
    "mod",
    "modfile",
    "mutexprofile",
    "o",
    "outputdir",
    "overlay",
    "p",
    "parallel",
    "pgo",
    "pkgdir",
    "run",
    "shuffle",
    "skip",
    "tags",
    "timeout",
    "toolexec",
    "trace",
    "vet",
    "vettool",
];

/// Whether a flag of this name has a value.
pub fn is_valued(name: &str) -> bool {
    VALUED.contains(&name)
}

/// The name of a flag, and its value if that stands in the same word. None: it is no flag.
pub fn name_of(word: &str) -> Option<(&str, Option<&str>)> {
    let flag = word.strip_prefix('-')?;
    let flag = flag.strip_prefix('-').unwrap_or(flag);
    let (name, value) = match flag.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (flag, None),
    };
    (!name.is_empty()).then_some((name, value))
}

/// Flags with a value in two words as one, so that each word is a flag of its own.
pub fn joined<'w>(words: impl IntoIterator<Item = &'w str>) -> Vec<String> {
    let mut joined = Vec::new();
    let mut rest = words.into_iter();
    while let Some(word) = rest.next() {
        let is_split = matches!(name_of(word), Some((name, None)) if is_valued(name));
        let value = if is_split { rest.next() } else { None };
        joined.push(value.map_or_else(|| word.to_owned(), |value| format!("{word}={value}")));
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_is_a_flag_of_its_own() {
        let found = joined(["-mod", "vendor", "-v", "--run", "-mod", "-x=1", "-mod"]);
        assert_eq!(found, ["-mod=vendor", "-v", "--run=-mod", "-x=1", "-mod"]);
        assert_eq!(
            joined(["-buildvcs", "-tags", "x"]),
            ["-buildvcs", "-tags=x"]
        );
    }
}
