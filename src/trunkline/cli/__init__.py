"""The command line: options in, exit codes out; every decision is made in the modules behind."""
