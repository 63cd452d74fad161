import { parseArgs } from 'node:util';
import type { Comparison } from './compare.ts';
import { benchDimse } from './dimse.ts';
import { describeMachine } from './machine.ts';
import { benchRelay } from './relay.ts';

const usage = `Usage: pnpm bench dimse|relay [--quick] [--rounds N]

  dimse   C-STORE and C-GET, one association, beside storescu, storescp and getscu
  relay   a study from one Orthanc to another, beside getscu and storescu one after the other

  --quick      a tenth of the objects
  --rounds N   how often each side runs; the median counts (default: 5)

Prints JSON with the ratio to DCMTK, measured in turns in the same run: above 1, ours is faster. The packages must
have been built for relay (pnpm build).`;

const benchmarks: Readonly<Record<string, (options: Options) => Promise<Comparison[]>>> = {
  dimse: benchDimse,
  relay: benchRelay,
};

interface Options {
  quick: boolean;
  rounds: number;
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '5' },
    help: { type: 'boolean', default: false },
  },
});
const [name, ...rest] = positionals;
const rounds = Number(values.rounds);
const benchmark = name === undefined || rest.length > 0 ? undefined : benchmarks[name];
if (values.help || !benchmark || !Number.isInteger(rounds) || rounds < 1) {
  console.log(usage);
  process.exitCode = values.help || name === undefined ? 0 : 2;
} else {
  const results = await benchmark({ quick: values.quick, rounds });
  console.log(
    JSON.stringify({ benchmark: name, machine: await describeMachine(), rounds, results }, null, 2),
  );
}
