import { told } from '../common/thrown.ts';
import { GristmillError, type PipelineErrorCode } from '../errors.ts';

/** What a {@link PipelineError} tells besides its code. */
export interface PipelineErrorDetails {
  readonly pipeline?: string | undefined;
  /** The node that failed; of pipelines within pipelines the way to it, as `clean › parse`. */
  readonly node?: string | undefined;
  /** The HTTP status of the server's answer. */
  readonly httpStatus?: number | undefined;
  /** What the operation threw. */
  readonly cause?: unknown;
}

/** A pipeline failed, or a server of pipelines refused a request. */
export class PipelineError extends GristmillError implements PipelineErrorDetails {
  declare readonly code: PipelineErrorCode;
  readonly pipeline: string | undefined;
  readonly node: string | undefined;
  readonly httpStatus: number | undefined;

  constructor(code: PipelineErrorCode, message: string, details: PipelineErrorDetails = {}) {
    super(code, message, 'cause' in details ? { cause: details.cause } : undefined);
    this.pipeline = details.pipeline;
    this.node = details.node;
    this.httpStatus = details.httpStatus;
  }

  /** The failure of a node. Its stack is that of what was thrown: where it happened is of use, where it was wrapped is not. */
  static ofNode(pipeline: string, node: string, cause: unknown): PipelineError {
    const inner = innerOf(cause);
    const way = inner === undefined ? node : `${node} › ${inner.node}`;
    const root = inner === undefined ? cause : inner.cause;
    const error = new PipelineError('node-failed', `pipeline '${pipeline}', node '${way}': ${messageOf(root)}`, {
      pipeline,
      node: way,
      cause: root,
    });
    const frames = stackOf(root);
    if (frames !== undefined) error.stack = `${error.name}: ${error.message}\n  caused by ${frames}`;
    return error;
  }
}

/** What failed in a pipeline within: the way to its node, and what the operation threw. */
function innerOf(thrown: unknown): { readonly node: string; readonly cause: unknown } | undefined {
  try {
    if (!(thrown instanceof PipelineError) || thrown.code !== 'node-failed') return undefined;
    const { node, cause } = thrown as { node?: unknown; cause?: unknown };
    return typeof node === 'string' ? { node, cause } : undefined;
  } catch {
    return undefined;
  }
}

/** The message of whatever was thrown. */
export function messageOf(thrown: unknown): string {
  return typeof thrown === 'string' ? thrown : told(thrown).message;
}

/** The stack of what was thrown: where it was thrown in another process, that one. */
export function stackOf(thrown: unknown): string | undefined {
  try {
    if (!(thrown instanceof Error)) return undefined;
    const { remoteStack, stack } = thrown as { remoteStack?: unknown; stack?: unknown };
    if (typeof remoteStack === 'string' && remoteStack !== '') return remoteStack;
    return typeof stack === 'string' ? stack : undefined;
  } catch {
    // A getter of the user's, say.
    return undefined;
  }
}
