//! GitLab's sections (docs.gitlab.com, "Custom collapsible sections"): names are letters, digits, `_`, `.` and `-`, and no
//! two sections of a job may share one.

use crate::report::ci::Brackets;
use crate::report::text::without_escapes;

/// What tells a section from others.
#[derive(Debug, Clone, Copy)]
pub struct Id {
    pub process: u32,
    pub number: usize,
    /// Seconds since 1970.
    pub began: u64,
    pub ended: u64,
}

pub fn section(heading: &str, id: Id, collapsed: bool) -> Brackets {
    let first = without_escapes(heading.lines().next().unwrap_or_default());
    // `ran        build app  0.31s`: the words that name the target.
    let words = first.split_whitespace().skip(1).take(2);
    let label = words.collect::<Vec<_>>().join("_");
    let label: String = label
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .take(60)
        .collect();
    let name = format!("gomake_{label}_{}_{}", id.process, id.number);
    let option = if collapsed { "[collapsed=true]" } else { "" };
    Brackets {
        open: format!(
            "\u{1b}[0Ksection_start:{}:{name}{option}\r\u{1b}[0K{heading}",
            id.began
        ),
        close: format!("\u{1b}[0Ksection_end:{}:{name}\r\u{1b}[0K\n", id.ended),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_has_a_name_of_its_own() {
        let id = |number| Id {
            process: 7,
            number,
            began: 100,
            ended: 103,
        };
        let heading = "ran        build dist[linux,amd64]  3.1s\n";
        let one = section(heading, id(1), true);
        assert_eq!(
            one.open,
            "\u{1b}[0Ksection_start:100:gomake_build_dist_linux_amd64__7_1[collapsed=true]\r\u{1b}[0K\
             ran        build dist[linux,amd64]  3.1s\n"
        );
        assert_eq!(
            one.close,
            "\u{1b}[0Ksection_end:103:gomake_build_dist_linux_amd64__7_1\r\u{1b}[0K\n"
        );
        let open = section(
            "\u{1b}[31mfailed\u{1b}[0m     test größe  0.1s\n",
            id(2),
            false,
        );
        assert!(open.open.contains(":gomake_test_gr__e_7_2\r"), "{open:?}");
    }
}
