/** The terminal and a package manager in between both pass on one Ctrl-C: what comes this soon is the same wish. */
const SAME_WISH_MS = 1_000;

/**
 * Turns the wish to stop into an aborted signal: Ctrl-C, SIGTERM or a closed terminal. A second Ctrl-C or SIGTERM ends the
 * process at once, status 130.
 *
 * To be called once, by a program at its start.
 */
export function stopOnSignals(): AbortSignal {
  const controller = new AbortController();
  let since: number | undefined;

  const stop = () => {
    if (since === undefined) {
      since = performance.now();
      controller.abort(new Error('stopped'));
    }
  };
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      if (since !== undefined && performance.now() - since > SAME_WISH_MS) process.exit(130);
      stop();
    });
  }
  process.on('SIGHUP', stop);
  return controller.signal;
}
