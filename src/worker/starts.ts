/**
 * The channel (`node:diagnostics_channel`) on which a worker is told of as it starts: who runs somebody's program hears of its workers,
 * also if it has a copy of this package of its own.
 */
export const STARTS = 'gristmill.worker.start';
