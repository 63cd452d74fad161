import { parseArgs } from 'node:util';
import { benchDimse, dimseRows } from './dimse/bench-dimse.ts';
import { describeMachine } from './machine.ts';
import type { Result } from './measurement.ts';
import { benchPseudonymize, type RepeatedFigure } from './pseudonymize.ts';
import { benchRelay, relayRows } from './relay.ts';

const usage = `Usage: pnpm bench dimse [ROW…] | relay [ROW…] | pseudonymize [--quick] [--rounds N]

  dimse   the DIMSE services beside storescu, storescp, getscu and findscu, and what they must not exceed;
          rows: ${Object.keys(dimseRows).join(', ')} (default: all)
  relay   a study from one Orthanc to another, beside getscu and storescu, or curl, one after the other; C-MOVE beside C-GET;
          memory and disk of a large study; rows: ${Object.keys(relayRows).join(', ')} (default: all)

  pseudonymize   headers beside reading them with dicom-parser, pixels, memory, a folder over the cores, Chromium

  --quick      a tenth of the objects
  --rounds N   how often each side runs; the median counts (default: 5)

Prints JSON with the ratio to DCMTK, measured in turns in the same run: above 1, ours is faster. The packages must
have been built (pnpm build).`;

const benchmarks: Readonly<
  Record<string, (options: Options) => Promise<readonly (Result | RepeatedFigure)[]>>
> = {
  dimse: benchDimse,
  pseudonymize: benchPseudonymize,
  relay: benchRelay,
};

interface Options {
  quick: boolean;
  rounds: number;
  rows: readonly string[];
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '5' },
    help: { type: 'boolean', default: false },
  },
});
const [name, ...rows] = positionals;
const rounds = Number(values.rounds);
const benchmark = name === undefined ? undefined : benchmarks[name];
const known = { dimse: dimseRows, relay: relayRows }[name ?? ''] ?? {};
const rowsExist = rows.every((row) => Object.hasOwn(known, row));
if (values.help || !benchmark || !rowsExist || !Number.isInteger(rounds) || rounds < 1) {
  console.log(usage);
  process.exitCode = values.help || name === undefined ? 0 : 2;
} else {
  const results = await benchmark({ quick: values.quick, rounds, rows });
  console.log(
    JSON.stringify({ benchmark: name, machine: await describeMachine(), rounds, results }, null, 2),
  );
}
