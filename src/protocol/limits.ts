/** Numbers that both sides of the wire agree on. */

/** What a consumer may send of a stream before the master has granted anything: jobs, and bytes. */
export const INITIAL_JOBS = 64;
export const INITIAL_JOB_BYTES = 65_536;

/** The window of results that a consumer grants by default: how many, and bytes. Refilled at half. */
export const RESULT_WINDOW = 4_096;
export const RESULT_WINDOW_BYTES = 16_777_216;

/** Windows in bytes, of jobs and of results, grow to so many payloads at least: one is on its way while another is worked on. */
export const WINDOW_PAYLOADS = 2;

/** The largest payload, unless a master is told otherwise. */
export const MAX_MESSAGE_BYTES = 67_108_864;

/** All fields of one stream, or of one job, as `fieldsBytes` counts them: they stand in a header, of which the transport takes 4 MiB. */
export const MAX_FIELDS_BYTES = 262_144;

/** Waiting this long for somebody is worth a line on stderr. */
export const NOTICE_AFTER_MS = 1_000;
