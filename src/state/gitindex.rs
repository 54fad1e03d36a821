//! A reader of the names in git's index, enough to see whether git tracks a directory. No subprocess.
