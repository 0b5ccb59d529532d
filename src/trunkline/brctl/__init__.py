"""brctl of bridge-utils 1.7: the same words in, the same text and exit codes out."""
