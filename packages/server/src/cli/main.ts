import { Command, CommanderError, Option } from 'commander';
import { stopOnSignals } from '../runtime/stop-signals.ts';
import {
  aeTitle,
  peers,
  pseudonym,
  queryKeys,
  receiverPlace,
  texts,
  uids,
  wholeNumber,
} from './arguments.ts';
import type { FindOptions } from './find.ts';
import { errorSentence, Output } from './output.ts';
import type { StoreOptions } from './store.ts';
import { UsageError } from './usage-error.ts';

const stop = stopOnSignals();

const output = new Output({ json: process.argv.includes('--json') });

/** Runs a command and turns its end into an exit status. */
function run<Arguments extends unknown[]>(command: (...args: Arguments) => Promise<boolean>) {
  return async (...args: Arguments) => {
    try {
      process.exitCode = (await command(...args)) ? 0 : 1;
    } catch (error) {
      end(error);
    }
  };
}

function end(error: unknown): void {
  output.remark(stop.aborted ? 'Stopped.' : errorSentence(error));
  output.summary({ ok: false, seconds: output.seconds() });
  process.exitCode = error instanceof UsageError ? 2 : 1;
}

const program = new Command('adit')
  .description(
    'Moves DICOM data between systems, pseudonymized on the way. For research; not a medical device.',
  )
  .option('--json', 'one object a line on stdout, the last one a summary')
  .showHelpAfterError('Run it with --help to see how it is used.')
  .exitOverride()
  .configureOutput({ writeErr: (text) => process.stderr.write(text) });

/** Every command takes --json, before or after its name. */
function command(usage: string, description: string): Command {
  return program
    .command(usage)
    .description(description)
    .option('--json', 'one object a line on stdout')
    .exitOverride();
}

const pseudonymsOption = () =>
  new Option(
    '--pseudonyms <csv>',
    'pseudonyms of patients: columns PatientID, Pseudonym, IssuerOfPatientID where wanted',
  );

const missingOption = () =>
  new Option('--missing <what>', 'what becomes of patients that the table of pseudonyms lacks')
    .choices(['hold', 'fail'])
    .default('hold');

const saltFileOption = () =>
  new Option(
    '--salt-file <file>',
    'make pseudonyms as mass transfers of an earlier ADIT did, with their salt',
  );

const recipeOption = () =>
  new Option(
    '--recipe <name>',
    'how to pseudonymize: a name (see the command recipe) or a JSON file; default: basic',
  );

const keyFileOption = () =>
  new Option('--key-file <file>', 'key that makes UIDs and pseudonyms the same in every run');

const leakGuardOption = () =>
  new Option(
    '--leak-guard',
    'search what comes out for identifiers of the original, and hold back what has one',
  );

/** For the help of commands that retrieve. */
const WAYS_HELP = `
A DIMSE node may say how it is retrieved from, in this order, and where its DICOMweb service is:
  dicom://AET@host:port?get=wado-rs,c-get,c-move&dicomweb=https://host/path
Each way is for what the ones before do not offer. Without get: WADO-RS where there is dicomweb, C-GET,
and C-MOVE where there is --receiver.`;

const level = new Option('--level <level>', 'what to search for')
  .choices(['patient', 'study', 'series', 'image'])
  .default('study');

command('serve', 'start the whole product: web interface, API, workers')
  .option('--demo', 'transfer one study between the demo nodes at the start')
  .action(
    run(async (options: { demo?: boolean }) => {
      const { serve } = await import('../serve.ts');
      return serve({ output, signal: stop, demo: options.demo ?? false });
    }),
  );

const roles = {
  web: 'start the web interface and API alone',
  worker: 'start a worker alone: it transfers studies',
  receiver: 'start the receiver alone: it takes what nodes send by C-MOVE and hands it to the workers',
} as const;

for (const role of ['web', 'worker', 'receiver'] as const) {
  command(role, `${roles[role]}; for several machines with one DATABASE_URL`).action(
    run(async () => (await import('../serve-role.ts')).serveRole(role, { output, signal: stop })),
  );
}

const nodes = program.command('node').description('give nodes names that stand for their URLs');

nodes
  .command('add <name> <url>')
  .description('save a node, or another URL for it')
  .option('--json', 'one object a line on stdout')
  .action(
    run(async (name: string, url: string) => (await import('./node.ts')).addNodeCommand(output, name, url)),
  );

nodes
  .command('list')
  .description('the saved nodes')
  .option('--json', 'one object a line on stdout')
  .action(run(async () => (await import('./node.ts')).listNodesCommand(output)));

nodes
  .command('remove <name>')
  .description('forget a saved node')
  .option('--json', 'one object a line on stdout')
  .action(run(async (name: string) => (await import('./node.ts')).removeNodeCommand(output, name)));

command('echo <node>', 'ask a DIMSE node whether it answers (C-ECHO)').action(
  run(async (node: string) => (await import('./echo.ts')).echoCommand(output, node, stop)),
);

command('find <node>', 'search a node (C-FIND or QIDO-RS)')
  .addOption(level)
  .option('-k, --key <KEY=VALUE>', 'matching key, as often as needed', queryKeys)
  .option('--limit <n>', 'stop after so many matches', wholeNumber('--limit', 1, 1_000_000))
  .option('--header-file <file>', 'HTTP headers for a DICOMweb service, lines "Name: value"')
  .action(
    run(async (node: string, options: Omit<FindOptions, 'level'> & { level: string }) =>
      (await import('./find.ts')).findCommand(
        output,
        node,
        { ...options, level: options.level.toUpperCase() as FindOptions['level'] },
        stop,
      ),
    ),
  );

command('store <node> <paths...>', 'send DICOM files and folders to a node (C-STORE or STOW-RS)')
  .option('--max-associations <n>', 'most associations at once', wholeNumber('--max-associations', 1, 64))
  .option('--header-file <file>', 'HTTP headers for a DICOMweb service, lines "Name: value"')
  .action(
    run(async (node: string, paths: string[], options: StoreOptions) =>
      (await import('./store.ts')).storeCommand(output, node, paths, options, stop),
    ),
  );

command('get <node>', 'get studies into a folder (WADO-RS, C-GET or C-MOVE)')
  .requiredOption('--study <uid>', 'Study Instance UID, as often as needed', uids)
  .option('--series <uid>', 'only this series, as often as needed', uids)
  .requiredOption('-o, --output <folder>', 'where to put the files')
  .option('--receiver <AET:PORT>', 'where a node is to send by C-MOVE: it must know the title', receiverPlace)
  .option('--header-file <file>', 'HTTP headers for a DICOMweb service, lines "Name: value"')
  .addHelpText('after', WAYS_HELP)
  .action(
    run(async (node: string, options) => (await import('./get.ts')).getCommand(output, node, options, stop)),
  );

command('move <node>', 'have a DIMSE node send studies to another one (C-MOVE)')
  .requiredOption('--study <uid>', 'Study Instance UID, as often as needed', uids)
  .option('--series <uid>', 'only this series, as often as needed', uids)
  .requiredOption('--to <title>', 'AE title of the destination, which the node must know', aeTitle)
  .action(
    run(async (node: string, options) =>
      (await import('./move.ts')).moveCommand(output, node, options, stop),
    ),
  );

command('transfer', 'move studies from one place to another')
  .requiredOption('--from <place>', 'dicom://AET@host:port, dicomweb+http(s)://…, a folder or zip:PATH')
  .requiredOption(
    '--to <place>',
    'dicom://AET@host:port, dicomweb+http(s)://…, a folder, zip:PATH, 7z:PATH or nifti:PATH',
  )
  .option('--study <uid>', 'Study Instance UID, as often as needed', uids)
  .option(
    '--list <csv>',
    'studies of a file instead: columns StudyInstanceUID, and SeriesInstanceUID, PatientID, Pseudonym where wanted',
  )
  .option('--series <uid>', 'only this series, as often as needed', uids)
  .option('--exclude-modality <modality>', 'leave out series of this modality', texts)
  .option('--pseudonym <text>', 'pseudonymize: becomes PatientID and PatientName', pseudonym)
  .addOption(pseudonymsOption())
  .addOption(missingOption())
  .addOption(saltFileOption())
  .addOption(recipeOption())
  .addOption(keyFileOption())
  .addOption(leakGuardOption())
  .addOption(
    new Option('--verify <how>', 'how to make sure that everything arrived').choices([
      'image',
      'count',
      'commitment',
      'reread',
      'none',
    ]),
  )
  .option(
    '--max-associations <n>',
    'most associations, or requests of STOW-RS, to the destination at once',
    wholeNumber('--max-associations', 1, 64),
  )
  .option(
    '--receiver <AET:PORT>',
    'where a node is to send by C-MOVE, and one that commits to report: it must know the title',
    receiverPlace,
  )
  .option(
    '--direct',
    'have the source send to the destination itself (C-MOVE), which it must know by its title; nothing is changed',
  )
  .option('--header-file <file>', 'HTTP headers for a DICOMweb service, lines "Name: value"')
  .option(
    '--to-header-file <file>',
    'the same for the destination, where the source is a DICOMweb service too',
  )
  .option('--from-password-file <file>', 'password of the archive that the studies are in')
  .option('--password-file <file>', 'encrypts an archive with AES-256; 7z:PATH hides names of files as well')
  .option('--dcm2niix <program>', 'native dcm2niix for nifti:PATH; default: one in WebAssembly')
  .option('--ledger <file>', 'take down what becomes of each instance, in a new file')
  .option('--resume <ledger>', 'go on where the transfer of this ledger ended: only what it lacks is sent')
  .option('--manifest <file>', 'list what was stored, without original UIDs: JSON lines, or CSV by its name')
  .option('--manifest-originals', 'with original UIDs: whoever has it can undo the pseudonyms')
  .option('--dry-run', 'count only, transfer nothing')
  .addHelpText('after', WAYS_HELP)
  .action(run(async (options) => (await import('./transfer.ts')).transferCommand(output, options, stop)));

command('pseudonymize <in> <out>', 'pseudonymize a file or the files of a folder into a folder')
  .option('--pseudonym <text>', 'becomes PatientID and PatientName; default: made from the key', pseudonym)
  .addOption(pseudonymsOption())
  .addOption(missingOption())
  .addOption(saltFileOption())
  .addOption(recipeOption())
  .addOption(keyFileOption())
  .addOption(leakGuardOption())
  .option('--report <file>', 'what was done to each instance, as JSON lines in a new file')
  .option('--dry-run', 'only say what would be done, write nothing')
  .option('--keep-names', 'call outputs as the inputs are, instead of by their new SOP Instance UID')
  .action(
    run(async (input: string, target: string, options) =>
      (await import('./pseudonymize.ts')).pseudonymizeCommand(output, input, target, options, stop),
    ),
  );

command('leaks <path>', 'look for identifiers in files, DICOM or not, and say where they are')
  .requiredOption('--identifiers <file>', 'one a line, or a JSON list; names as FAMILY^GIVEN')
  .option('--skip-pixels', 'do not look into pixel data')
  .action(
    run(async (path: string, options) =>
      (await import('./leaks.ts')).leaksCommand(output, path, options, stop),
    ),
  );

command(
  'explain <attribute>',
  'say what a recipe makes of an attribute, and which row, option or rule decides',
)
  .addOption(recipeOption())
  .option('--sop-class <name>', 'SOP class, by UID or name: what is removed or emptied depends on it')
  .option('--path <sequence...>', 'sequences that the attribute is in, from the outside in')
  .option('--creator <text>', 'Private Creator of a private attribute')
  .action(
    run(async (attribute: string, options) =>
      (await import('./explain.ts')).explainCommand(output, attribute, options),
    ),
  );

command('recipe [name]', 'list the recipes, or print one as JSON to begin your own with')
  .option('--ctp <file>', 'make one of a script of CTP DicomAnonymizer, and say what differs')
  .option('--ctp-lookup <file>', 'the lookup table of that script')
  .option('--pseudonyms-out <file>', 'write the pseudonyms of that table, for --pseudonyms')
  .action(
    run(async (name: string | undefined, options) =>
      (await import('./recipe.ts')).recipeCommand(output, name, options),
    ),
  );

command('scp <folder>', 'a test and demo PACS over a folder')
  .requiredOption('--aet <title>', 'its AE title', aeTitle)
  .requiredOption('--port <n>', 'its port; 0 takes a free one', wholeNumber('--port', 0, 65535))
  .option('--host <address>', 'address to listen on; default: 127.0.0.1')
  .option('--peer <AET@host:port>', 'where C-MOVE may send to, as often as needed', peers)
  .option('--cert <file>', 'its certificate (PEM); with --key it speaks TLS only')
  .option('--key <file>', 'the key of its certificate (PEM)')
  .option('--ca <file>', 'whose certificates it asks its peers for (PEM)')
  .action(
    run(async (folder: string, options) =>
      (await import('./scp.ts')).scpCommand(output, folder, options, stop),
    ),
  );

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // Commander has said what is wrong; help and version are no errors.
    if (error.exitCode !== 0) output.summary({ ok: false });
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else end(error);
}
