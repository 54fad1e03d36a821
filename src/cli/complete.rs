//! Completion scripts. Flags come from clap's definition; targets are asked for at the moment of completing, by the
//! hidden `--complete-words`, so that a script never goes stale.

use crate::cli::args::{Args, Shell};
use crate::plan::action::Kind;
use crate::plan::graph::Graph;
use clap::CommandFactory;
use std::collections::BTreeSet;

/// The script for a shell, to be sourced or put where the shell looks for completions.
pub fn script(shell: Shell) -> String {
    match shell {
        Shell::Bash => bash(),
        Shell::Zsh => zsh(),
        Shell::Fish => fish(),
    }
}

/// What may stand on the command line, a word a line: targets, instances, kinds, `parameter=`.
pub fn words(graph: &Graph) -> String {
    let mut words = BTreeSet::new();
    for decl in graph.decls.values() {
        if decl.kind != Kind::Task {
            words.insert(decl.kind.word().to_owned());
        }
        words.insert(decl.name.clone());
        words.extend(decl.params.iter().map(|param| format!("{}=", param.name)));
    }
    words.extend(graph.by_name.keys().cloned());
    // A call's instance, `deploy(host=web1)`, is how a file speaks; a name with a newline cannot be a line.
    words.retain(|word| !word.contains('(') && !word.contains(char::is_control));
    words.into_iter().map(|word| word + "\n").collect()
}

/// clap's own script, without the flag that only scripts use.
fn flags(shell: clap_complete::Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "gomake", &mut script);
    let script = String::from_utf8(script).expect("clap writes UTF-8");
    script
        .lines()
        .filter(|line| !line.contains("'--complete-words[") && !line.contains("-l complete-words"))
        .map(|line| line.replace(" --complete-words", "") + "\n")
        .collect()
}

fn bash() -> String {
    let flags = flags(clap_complete::Shell::Bash);
    // clap's function becomes a part of ours; its registration goes.
    let flags = flags
        .split("\nif [[ \"${BASH_VERSINFO[0]}\" -eq 4")
        .next()
        .unwrap_or_default()
        .replacen("_gomake()", "_gomake_flags()", 1);
    format!("{flags}\n{BASH}")
}

/// Readline replaces only what follows the last `:` or `=`, so that part alone is given back.
const BASH: &str = r#"_gomake() {
    local line="${COMP_LINE:0:COMP_POINT}" breaks="" open="" prefix="" cur word quoted
    cur="${line##*[[:space:]]}"
    COMPREPLY=()
    if [[ "${line}" == *" -- "* ]]; then
        compopt -o default 2>/dev/null
        return
    fi
    if [[ "${cur}" == -* || " -f --file -C --directory -j --jobs --output --color --cache --completions " == *" $3 "* ]]; then
        _gomake_flags "$@"
        return
    fi
    if [[ "$3" == --graph ]]; then
        _gomake_flags "$@"
    fi
    if [[ "${cur}" == [\'\"]* ]]; then
        open=yes
        cur="${cur:1}"
    else
        cur="${cur//\\/}"
    fi
    [[ "${COMP_WORDBREAKS}" == *:* ]] && breaks+=":"
    [[ "${COMP_WORDBREAKS}" == *=* ]] && breaks+="="
    if [[ -z "${open}" && -n "${breaks}" && "${cur}" == *[${breaks}]* ]]; then
        prefix="${cur%"${cur##*[${breaks}]}"}"
    fi
    while IFS= read -r word; do
        [[ "${word}" == "${cur}"* && "${word}" != "${prefix}" ]] || continue
        word="${word#"${prefix}"}"
        if [[ -n "${open}" ]]; then
            quoted="${word}"
        else
            printf -v quoted %q "${word}"
        fi
        COMPREPLY+=("${quoted}")
        [[ "${word}" == *= ]] && compopt -o nospace 2>/dev/null
    done < <("$1" --complete-words 2>/dev/null)
}
complete -F _gomake gomake
"#;

fn zsh() -> String {
    let flags = flags(clap_complete::Shell::Zsh);
    let mut script = String::new();
    for line in flags.lines() {
        if line.starts_with("'*::words -- ") {
            script.push_str("'*:target:_gomake_words' \\\n");
        } else {
            script.push_str(&line.replace(":TARGET:_default'", ":TARGET:_gomake_words'"));
            script.push('\n');
        }
    }
    // The function must be there before the last lines call what uses it.
    script.replacen("\n_gomake() {", &format!("\n{ZSH}\n_gomake() {{"), 1)
}

const ZSH: &str = r#"_gomake_words() {
    local -a all settings
    all=("${(@f)$("${words[1]}" --complete-words 2>/dev/null)}")
    settings=(${(M)all:#*=})
    all=(${all:#*=})
    compadd -a all
    compadd -S '' -a settings
}
"#;

fn fish() -> String {
    let words = "(command gomake --complete-words 2>/dev/null)";
    let flags = flags(clap_complete::Shell::Fish);
    let mut script = String::new();
    for line in flags.lines() {
        script.push_str(line);
        if line.contains(" -l why ") {
            script.push_str(&format!(" -f -a '{words}'"));
        }
        script.push('\n');
    }
    script.push_str(&format!("complete -c gomake -f -a '{words}'\n"));
    script
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::fs;
    use crate::plan::graph::TargetId;
    use std::path::Path;
    use std::process::Command;

    /// A directory with a `gomake` that knows some words, and the script of a shell.
    fn stage(shell: Shell) -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a directory");
        let program = dir.path().join("gomake");
        let words = "app\napi:app\napi:unit\nbuild\ndist[linux,amd64]\nhost=\n";
        let stub = format!("#!/bin/sh\n[ \"$1\" = --complete-words ] && printf '{words}'\n");
        fs::write_atomic(&program, stub.as_bytes()).expect("written");
        fs::set_mode(&program, 0o755).expect("set");
        let path = dir.path().join("script");
        fs::write_atomic(&path, script(shell).as_bytes()).expect("written");
        dir
    }
    fn run(shell: &str, dir: &Path, code: &str) -> Option<String> {
        let program = which::which(shell).ok()?;
        let path = std::env::join_paths(
            std::iter::once(dir.to_owned()).chain(["/usr/bin", "/bin"].into_iter().map(Into::into)),
        );
        let output = Command::new(program)
            .arg("-c")
            .arg(code)
            .current_dir(dir)
            .env("PATH", path.expect("no colon in the directory"))
            .env("HOME", dir)
            .output()
            .expect("the shell starts");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(errors.is_empty(), "{shell}: {errors}");
        Some(String::from_utf8_lossy(&output.stdout).into_owned())
    }
    /// What bash offers for a line; the words are given as readline cuts them.
    fn bash_offers(line: &str, cut: &[&str]) -> Vec<String> {
        let dir = stage(Shell::Bash);
        let (last, before) = cut.split_last().expect("words");
        let quoted: Vec<_> = cut
            .iter()
            .map(|w| shlex::try_quote(w).expect("no NUL"))
            .collect();
        let code = format!(
            "source ./script; COMP_LINE={line}; COMP_POINT=${{#COMP_LINE}}; COMP_WORDS=({words}); \
             COMP_CWORD={at}; _gomake gomake {last} {prev}; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            line = shlex::try_quote(line).expect("no NUL"),
            words = quoted.join(" "),
            at = cut.len() - 1,
            last = shlex::try_quote(last).expect("no NUL"),
            prev = shlex::try_quote(before.last().expect("a word")).expect("no NUL"),
        );
        let text = run("bash", dir.path(), &code).expect("bash is needed for this test");
        text.lines()
            .map(str::to_owned)
            .filter(|l| !l.is_empty())
            .collect()
    }

    #[test]
    fn bash_knows_targets_and_flags() {
        assert_eq!(
            bash_offers("gomake a", &["gomake", "a"]),
            ["app", "api:app", "api:unit"]
        );
        assert_eq!(
            bash_offers("gomake --lis", &["gomake", "--lis"]),
            ["--list"]
        );
        assert_eq!(
            bash_offers("gomake --output st", &["gomake", "--output", "st"]),
            ["stream"]
        );
        assert_eq!(
            bash_offers("gomake --why bu", &["gomake", "--why", "bu"]),
            ["build"]
        );
        let both = bash_offers("gomake --graph d", &["gomake", "--graph", "d"]);
        assert_eq!(both, ["dot", "dist\\[linux\\,amd64\\]"]);
    }

    #[test]
    fn bash_gets_only_what_follows_a_break_and_quotes_it() {
        let cut = ["gomake", "api", ":", "u"];
        assert_eq!(bash_offers("gomake api:u", &cut), ["unit"]);
        let one = bash_offers("gomake di", &["gomake", "di"]);
        assert_eq!(one, ["dist\\[linux\\,amd64\\]"]);
        let open = bash_offers("gomake 'dist[", &["gomake", "'dist["]);
        assert_eq!(open, ["dist[linux,amd64]"]);
        assert!(bash_offers("gomake app -- a", &["gomake", "app", "--", "a"]).is_empty());
    }

    #[test]
    fn zsh_takes_the_script() {
        let dir = stage(Shell::Zsh);
        let code = "autoload -Uz compinit && compinit -D -u; source ./script; \
                    words=(gomake); compadd() { [[ $1 == -a ]] && print -l ${(P)2} }; _gomake_words";
        if let Some(text) = run("zsh", dir.path(), code) {
            let lines: Vec<&str> = text.lines().collect();
            assert_eq!(
                lines,
                ["app", "api:app", "api:unit", "build", "dist[linux,amd64]"]
            );
        }
        let script = script(Shell::Zsh);
        assert!(script.starts_with("#compdef gomake"));
        assert!(script.contains("'*:target:_gomake_words'"));
        assert!(script.contains("TARGET:_gomake_words"));
    }

    #[test]
    fn fish_knows_targets_and_flags() {
        let dir = stage(Shell::Fish);
        let code = "source ./script; complete -C 'gomake d'; complete -C 'gomake --why ap'; complete -C 'gomake --lis'";
        if let Some(text) = run("fish", dir.path(), code) {
            let offers: Vec<&str> = text
                .lines()
                .filter_map(|line| line.split('\t').next())
                .collect();
            assert_eq!(
                offers,
                ["dist[linux,amd64]", "api:app", "api:unit", "app", "--list"],
                "{text}"
            );
        }
    }

    #[test]
    fn the_flag_of_the_scripts_is_not_offered() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let script = script(shell);
            let calls = script.matches("--complete-words").count();
            let silent = script.matches("--complete-words 2>/dev/null").count();
            assert_eq!(calls, silent, "{shell:?}\n{script}");
            assert!(silent > 0);
        }
    }

    #[test]
    fn words_are_targets_kinds_and_parameters() {
        let mut graph = Graph::default();
        for name in ["dist[linux]", "deploy(host=a)", "bad\nname", "api:app"] {
            graph.by_name.insert(name.to_owned(), TargetId(0));
        }
        assert_eq!(words(&graph), "api:app\ndist[linux]\n");
    }
}
