// @ts-check
/** Node alone, to compare the start of others with. */
process.exitCode = 0;
