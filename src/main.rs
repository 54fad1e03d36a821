//! The thin binary: calls the command line, sets the exit status.

fn main() -> std::process::ExitCode {
    gomake::cli::main()
}
