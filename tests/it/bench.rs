//! `scripts/bench speed`, with sizes so small that nothing is measured: it runs to its end, and gomake does all that it asks.

use crate::harness::has;
use std::path::Path;
use std::process::Command;

#[test]
fn every_row_of_the_speed_tables_can_be_measured() {
    if !(has("python3") && has("cc")) {
        return;
    }
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let no_peers = tempfile::tempdir().unwrap();
    let done = Command::new("python3")
        .arg(repository.join("scripts/bench"))
        .args(["speed", "--scale", "0.0005", "--rounds", "1", "--peers"])
        .arg(no_peers.path())
        .env("GOMAKE", env!("CARGO_BIN_EXE_gomake"))
        .output()
        .unwrap();
    let (said, complaints) = (
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr),
    );
    assert!(done.status.success(), "{said}\n{complaints}");
    let mut rows = 0;
    for line in said.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = line.split(" | ").collect();
        if cells[0] == "| work" {
            assert_eq!(cells[1], "gomake", "{line}");
            continue;
        }
        rows += 1;
        assert!(is_measured(cells[1]), "{line}\n{complaints}");
    }
    assert!(rows >= 28, "{rows} rows:\n{said}");
}

/// "1.2 ms", "3.45 s", "20 MiB", "1.1 times"; not "crashed (SIGSEGV)" or "ran a command".
fn is_measured(cell: &str) -> bool {
    let units = ["ms", "s", "MiB", "times"];
    cell.split_once(' ')
        .is_some_and(|(number, unit)| number.parse::<f64>().is_ok() && units.contains(&unit))
}
