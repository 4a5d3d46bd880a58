//! `mtlsctl completions`: commands and options for the shell's Tab key.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::{Arguments, Exit, output};

/// Print a script that completes commands and options in a shell.
///
/// For bash: `mtlsctl completions bash > ~/.local/share/bash-completion/completions/mtlsctl`.
#[derive(Debug, Args)]
pub(super) struct Completions {
    /// The shell.
    shell: Shell,
}

impl Completions {
    pub(super) fn run(&self) -> Exit {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Arguments::command(), "mtlsctl", &mut script);
        output::print(script, Exit::Good)
    }
}
