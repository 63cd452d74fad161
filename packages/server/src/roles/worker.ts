import { startWorker } from '../queue/worker.ts';
import { waitAtReceivers } from '../receiver/wait-at-receivers.ts';
import { attemptTransfer } from '../transfer/attempt-transfer.ts';
import type { RoleContext } from './context.ts';
import type { RunningReceiver } from './receiver.ts';

export interface WorkerRoleOptions {
  /** Studies transferred at the same time by this process. Default: 4. */
  readonly concurrency?: number;
  /** Waits before the second and the third attempt at a study, in milliseconds. Default: 10 s and 60 s. */
  readonly retryWaits?: readonly number[];
}

/** The worker: transfers the studies that the queue hands out. */
export function startWorkerRole(
  context: RoleContext,
  { concurrency, retryWaits, receiver: own }: WorkerRoleOptions & { receiver?: RunningReceiver | undefined },
): Promise<AsyncDisposable> {
  const { config, db, pool, secrets, logger, notifications, nodes } = context;
  const { aeTitle } = config;
  const receiver = waitAtReceivers({ db, notifications, secrets, logger, aeTitle, own });
  const open = { secrets, callingAeTitle: aeTitle, receiver };
  return startWorker({
    db,
    pool,
    logger,
    notifications,
    attempt: (task, signal) => attemptTransfer({ db, nodes, open, logger }, task, signal),
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(retryWaits === undefined ? {} : { retryWaits }),
  });
}
