import { type Summary, summarize } from './statistics.ts';

/** One run of one side. */
export interface Run {
  seconds: number;
  peakMemoryBytes: number;
}

/** All runs of one side. */
export interface Side {
  seconds: Summary;
  /** Left out where no bytes are moved. */
  megabytesPerSecond?: number;
  peakMemoryMegabytes: number;
}

/** What the two sides took for the same work. */
export interface Comparison {
  work: string;
  set: string;
  ours: Side;
  dcmtk: Side;
  /** Median time of DCMTK divided by ours: above 1, ours is faster. */
  ratio: number;
  /** What the ratio should reach, where that is laid down. */
  goal?: number;
}

/** Something of ours that is measured by itself. */
export interface Figure {
  work: string;
  value: number;
  unit: string;
  /** What the value should stay below, or at. */
  limit: number;
}

export type Result = Comparison | Figure;

export interface Contest {
  work: string;
  set: { name: string; bytes?: number };
  rounds: number;
  goal?: number | undefined;
  ours(): Promise<Run>;
  dcmtk(): Promise<Run>;
}

/**
 * Lets both sides do the same work in turns, so that whatever else the machine is doing meets both. One round before the
 * others warms files and peers up and does not count. What it measures is told on stderr as it goes.
 */
export async function compare({ work, set, rounds, goal, ours, dcmtk }: Contest): Promise<Comparison> {
  const runs: { ours: Run[]; dcmtk: Run[] } = { ours: [], dcmtk: [] };
  for (let round = 0; round <= rounds; round += 1) {
    const pair = { dcmtk: await dcmtk(), ours: await ours() };
    console.error(
      `${work}, ${set.name}, ${round === 0 ? 'warm-up' : `round ${round} of ${rounds}`}:`,
      `DCMTK ${pair.dcmtk.seconds.toFixed(3)} s, ours ${pair.ours.seconds.toFixed(3)} s`,
    );
    if (round > 0) {
      runs.ours.push(pair.ours);
      runs.dcmtk.push(pair.dcmtk);
    }
  }
  const sides = { ours: sideOf(runs.ours, set.bytes), dcmtk: sideOf(runs.dcmtk, set.bytes) };
  return {
    work,
    set: set.name,
    ...sides,
    ratio: round(sides.dcmtk.seconds.median / sides.ours.seconds.median, 3),
    ...(goal !== undefined && { goal }),
  };
}

function sideOf(runs: readonly Run[], bytes: number | undefined): Side {
  const seconds = summarize(runs.map((run) => run.seconds));
  return {
    seconds: { median: round(seconds.median, 3), min: round(seconds.min, 3), max: round(seconds.max, 3) },
    ...(bytes !== undefined && { megabytesPerSecond: round(bytes / 1e6 / seconds.median, 1) }),
    peakMemoryMegabytes: round(Math.max(...runs.map((run) => run.peakMemoryBytes)) / 1e6, 1),
  };
}

export function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
