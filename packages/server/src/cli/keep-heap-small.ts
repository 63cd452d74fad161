import { setFlagsFromString } from 'node:v8';

/**
 * Keeps V8 from enlarging the space of young objects. What a transfer moves lies in buffers outside of it; on its heap is
 * little more than its ledger, and each instance leaves some garbage behind. With the usual growth that takes 150 MB more
 * of memory after 20,000 instances, and a third more of processor time.
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}
