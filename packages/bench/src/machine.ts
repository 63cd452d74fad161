import { cpus, release, totalmem } from 'node:os';
import { runProgram } from '@adit/e2e/support';

/** What the figures of a run depend on. */
export interface Machine {
  cpu: string;
  cores: number;
  memoryBytes: number;
  kernel: string;
  node: string;
  dcmtk: string;
  orthanc: string;
}

export async function describeMachine(): Promise<Machine> {
  const [storescu, orthanc] = await Promise.all([
    runProgram('storescu', ['--version']),
    runProgram('/usr/sbin/Orthanc', ['--version']),
  ]);
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryBytes: totalmem(),
    kernel: release(),
    node: process.version,
    dcmtk: /v(\d\S*)/.exec(storescu.stdout)?.[1] ?? 'unknown',
    orthanc: /Orthanc (\d\S*)/.exec(orthanc.stdout)?.[1] ?? 'unknown',
  };
}
