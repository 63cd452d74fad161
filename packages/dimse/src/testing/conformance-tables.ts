import { readFileSync } from 'node:fs';
import {
  characterSetOf,
  IMPLEMENTATION_CLASS_UID,
  IMPLEMENTATION_VERSION_NAME,
  registeredUid,
  SopClass,
  storageSopClasses,
  TransferSyntax,
  transferSyntaxOrDefault,
} from '@adit/core';
import { MAXIMUM_CONTEXTS } from '../presentation-context.ts';
import { commitmentContexts, findContexts, getContexts, moveContexts } from '../query-model.ts';
import { acceptancePolicy, FIND_MODELS, GET_MODELS, MOVE_MODELS } from '../scp/acceptance.ts';
import type { ScpHandlers } from '../scp/handlers.ts';
import { isRetryableStatus, type StatusCategory, type StatusService, statusEntries } from '../status.ts';
import { planStorageContexts } from '../storage-contexts.ts';
import { BCP195_CIPHER_SUITES } from '../tls.ts';

// The tables of docs/conformance.md, made from the code itself. They stand between `<!-- NAME -->` and `<!-- end -->`.

type Row = readonly (string | number)[];

/** A table of Markdown whose columns are as wide as their widest cell, as the formatter wants it. */
function table(header: readonly string[], rows: readonly Row[]): string {
  const cells = [header, ...rows.map((row) => row.map((cell) => String(cell).replaceAll('|', '\\|')))];
  const widths = header.map((_, column) => Math.max(3, ...cells.map((row) => row[column]!.length)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, index) => cell.padEnd(widths[index]!)).join(' | ')} |`;
  const rule = widths.map((width) => '-'.repeat(width));
  return [line(cells[0]!), line(rule), ...cells.slice(1).map(line)].join('\n');
}

const nameOf = (uid: string) => registeredUid(uid)?.name || uid;
const syntaxName = (uid: string) => transferSyntaxOrDefault(uid).name;
const yes = (value: boolean) => (value ? 'yes' : '–');

/** A server with a handler for everything. */
const everyHandler: Required<ScpHandlers> = new Proxy({} as Required<ScpHandlers>, {
  get: () => () => undefined,
});
const accepts = acceptancePolicy(everyHandler);

/** Every transfer syntax there is, to see what an acceptor makes of each. */
const everySyntax = Object.values(TransferSyntax);

/** The SOP classes that are no storage classes. */
const SERVICES: readonly string[] = [
  SopClass.Verification,
  ...Object.keys(FIND_MODELS),
  ...Object.keys(GET_MODELS),
  ...Object.keys(MOVE_MODELS),
  SopClass.StorageCommitmentPushModel,
];

const requested = new Set([
  SopClass.Verification,
  ...[...findContexts(), ...getContexts(), ...moveContexts(), ...commitmentContexts()].map(
    ({ abstractSyntax }) => abstractSyntax,
  ),
]);

/** Whoever opens an association for it reports as SCP, so that this side is SCU there too. */
const reportsOnly = (uid: string) => uid === SopClass.StorageCommitmentPushModel;

function services(): string {
  const rows = SERVICES.map(
    (uid): Row => [
      nameOf(uid),
      uid,
      yes(requested.has(uid)),
      yes(!reportsOnly(uid) && (accepts(uid)?.peerScu ?? false)),
    ],
  );
  const storage = accepts(SopClass.CtImageStorage)!;
  return table(
    ['SOP class', 'UID', 'SCU', 'SCP'],
    [
      ...rows.filter((row) => row[2] === 'yes' || row[3] === 'yes'),
      ['all storage SOP classes, private ones too', 'see below', 'yes', yes(storage.peerScu)],
    ],
  );
}

/** The syntaxes that a retrieval asks for, for a class of images and for one without pixels. */
const retrievalSyntaxes = (sopClassUid: string) =>
  planStorageContexts([sopClassUid], MAXIMUM_CONTEXTS)
    .flat()
    .map(({ transferSyntaxes }) => transferSyntaxes[0]!);
const imageSyntaxes = retrievalSyntaxes(SopClass.CtImageStorage);

function storageClasses(): string {
  const rows = storageSopClasses().map(({ uid, name, retired }): Row => {
    const policy = accepts(uid)!;
    const native = retrievalSyntaxes(uid).length < imageSyntaxes.length;
    return [
      name || 'without a name',
      retired ? 'retired' : '',
      uid,
      yes(true),
      yes(policy.peerScu),
      native ? 'uncompressed' : 'all',
    ];
  });
  return table(['SOP class', '', 'UID', 'SCU', 'SCP', 'syntaxes asked for by C-GET'], rows);
}

function transferSyntaxes(): string {
  const native = retrievalSyntaxes(SopClass.BasicTextSrStorage);
  const accepted = accepts(SopClass.CtImageStorage)!;
  const query = accepts(SopClass.StudyRootFind)!;
  const rows = everySyntax.map((uid): Row => {
    const rank = imageSyntaxes.indexOf(uid);
    return [
      syntaxName(uid),
      uid,
      yes(accepted.chooseTransferSyntax([uid]) === uid),
      rank < 0 ? '–' : native.includes(uid) ? 'all objects' : 'objects with pixels',
      yes(query.chooseTransferSyntax([uid]) === uid),
    ];
  });
  return table(
    ['transfer syntax', 'UID', 'stored (SCU, SCP)', 'asked for by C-GET', 'queries (SCU, SCP)'],
    rows,
  );
}

function proposed(): string {
  const rows = [
    { activity: 'Search', contexts: findContexts() },
    { activity: 'Retrieve by C-GET', contexts: getContexts() },
    { activity: 'Have sent by C-MOVE', contexts: moveContexts() },
    { activity: 'Ask for storage commitment', contexts: commitmentContexts() },
  ].flatMap(({ activity, contexts }) =>
    contexts.map(
      ({ abstractSyntax, transferSyntaxes, role = 'scu' }): Row => [
        activity,
        nameOf(abstractSyntax),
        abstractSyntax,
        transferSyntaxes.map(syntaxName).join(', '),
        role.toUpperCase(),
        'none',
      ],
    ),
  );
  return table(
    ['activity', 'abstract syntax', 'UID', 'transfer syntaxes', 'role', 'extended negotiation'],
    rows,
  );
}

function accepted(): string {
  const rows = SERVICES.filter((uid) => accepts(uid)).map((uid): Row => {
    const policy = accepts(uid)!;
    const syntaxes = everySyntax.filter((syntax) => policy.chooseTransferSyntax([syntax]) === syntax);
    // In the order of preference.
    const ordered: string[] = [];
    for (let rest = syntaxes; rest.length > 0; ) {
      const next = policy.chooseTransferSyntax(rest)!;
      ordered.push(next);
      rest = rest.filter((one) => one !== next);
    }
    return [nameOf(uid), uid, ordered.map(syntaxName).join(', '), reportsOnly(uid) ? 'SCU' : 'SCP'];
  });
  const storage = accepts(SopClass.CtImageStorage)!;
  const roles = [storage.peerScu && 'SCP', storage.peerScp && 'SCU (sub-operations of C-GET)'].filter(
    Boolean,
  );
  return table(
    ['abstract syntax', 'UID', 'transfer syntaxes, the preferred ones first', 'role'],
    [
      ...rows,
      [
        'any storage SOP class',
        'any',
        `${syntaxName(storage.chooseTransferSyntax(everySyntax)!)}, Implicit VR Little Endian, then the first proposed`,
        roles.join(', '),
      ],
    ],
  );
}

const BEHAVIOUR: Readonly<Record<StatusCategory, string>> = {
  success: 'done',
  pending: 'waits for more',
  cancel: 'ended by the request of this side',
  warning: 'done, with a remark',
  failure: 'failed, for good',
};

const hex = (status: number) => status.toString(16).toUpperCase().padStart(4, '0');

function statuses(service: StatusService): string {
  const rows = statusEntries(service).map(
    ({ from, to, category, text }): Row => [
      from === to ? hex(from) : `${hex(from)}–${hex(to)}`,
      text,
      category,
      isRetryableStatus(from) ? 'failed, worth another try' : BEHAVIOUR[category],
    ],
  );
  return table(['status', 'meaning', 'category', 'behaviour'], rows);
}

/** What interfaces say of their options in the comments above them: meaning and default. */
function options(file: string, ...interfaces: string[]): string {
  const source = readFileSync(new URL(file, import.meta.url), 'utf8');
  const rows = interfaces.flatMap((name) => {
    const block = new RegExp(`interface ${name}[^{]*\\{\\n([\\s\\S]*?)\\n\\}`).exec(source)?.[1];
    if (block === undefined) throw new Error(`${file} has no ${name}`);
    return [...block.matchAll(/\/\*\*([\s\S]*?)\*\/\s*(\w+)\??[:(]/g)].map(([, comment, option]): Row => {
      const text = comment!.replaceAll(/\s*\n\s*\*\s?/g, ' ').trim();
      const found = /^([\s\S]*?)\s*Default: ([\s\S]*?)\.(?: [\s\S]*)?$/.exec(text);
      const [meaning] = (found?.[1] ?? text).split(/\.(?: |$)/);
      return [`\`${option}\``, meaning!, found?.[2] ?? 'required'];
    });
  });
  return table(['option', 'meaning (times in seconds)', 'default'], rows);
}

function identity(): string {
  return table(
    ['item', 'value'],
    [
      ['Implementation Class UID', IMPLEMENTATION_CLASS_UID],
      ['Implementation Version Name', IMPLEMENTATION_VERSION_NAME],
    ],
  );
}

function tls(): string {
  return table(
    ['cipher suite (name in OpenSSL)', 'TLS'],
    BCP195_CIPHER_SUITES.map((name) => [name, name.startsWith('TLS_') ? '1.3' : '1.2']),
  );
}

/** Defined terms of PS3.3 §C.12.1.1.2 with a character of each, which the encoder must know. */
const CHARACTER_SETS: readonly (readonly [term: string, name: string, sample: string])[] = [
  ['', 'default repertoire (ISO_IR 6)', 'A'],
  ['ISO_IR 100', 'Latin alphabet no. 1', 'é'],
  ['ISO_IR 101', 'Latin alphabet no. 2', 'ł'],
  ['ISO_IR 109', 'Latin alphabet no. 3', 'ħ'],
  ['ISO_IR 110', 'Latin alphabet no. 4', 'ģ'],
  ['ISO_IR 144', 'Cyrillic', 'Ж'],
  ['ISO_IR 127', 'Arabic', 'ع'],
  ['ISO_IR 126', 'Greek', 'Ω'],
  ['ISO_IR 138', 'Hebrew', 'ש'],
  ['ISO_IR 148', 'Latin alphabet no. 5', 'ğ'],
  ['ISO_IR 203', 'Latin alphabet no. 9', '€'],
  ['ISO_IR 13', 'Japanese, katakana', 'ﾔ'],
  ['ISO_IR 166', 'Thai', 'ก'],
  ['ISO 2022 IR 87', 'Japanese, kanji', '山'],
  ['ISO 2022 IR 159', 'Japanese, supplementary kanji', '丂'],
  ['ISO 2022 IR 149', 'Korean', '김'],
  ['ISO 2022 IR 58', 'Simplified Chinese', '张'],
  ['ISO_IR 192', 'Unicode in UTF-8', '😀'],
  ['GB18030', 'GB18030', '张'],
  ['GBK', 'GBK', '张'],
];

function characterSets(): string {
  const rows = CHARACTER_SETS.map(([term, name, sample]): Row => {
    // Sets with escape sequences stand behind another one.
    const terms = term === '' ? [] : term.startsWith('ISO 2022') ? ['', term] : [term];
    const set = characterSetOf(terms);
    const bytes = set.encode(sample, 'LO');
    const both = bytes !== undefined && set.decode(bytes, 'LO') === sample;
    return [term || 'none', name, yes(both), yes(both)];
  });
  return table(['Specific Character Set', 'character set', 'read', 'written'], rows);
}

/** All tables, by the names of their places. */
function conformanceTables(): Readonly<Record<string, string>> {
  return {
    services: services(),
    identity: identity(),
    proposed: proposed(),
    accepted: accepted(),
    'storage-classes': storageClasses(),
    'transfer-syntaxes': transferSyntaxes(),
    'storage-statuses': statuses('storage'),
    'query-retrieve-statuses': statuses('query-retrieve'),
    'requestor-options': options('../node.ts', 'DimseNode', 'DimseTimeouts'),
    'acceptor-options': options('../scp/listen.ts', 'ListenOptions'),
    tls: tls(),
    'character-sets': characterSets(),
  };
}

/** The statement with its tables as they are now. Throws where a place or a table is missing. */
export function renewTables(statement: string): string {
  let text = statement;
  for (const [name, content] of Object.entries(conformanceTables())) {
    const place = new RegExp(`(<!-- ${name} -->\\n)[\\s\\S]*?(<!-- end -->)`);
    if (!place.test(text)) throw new Error(`The statement has no place for the table "${name}"`);
    text = text.replace(place, (_all, before: string, after: string) => `${before}\n${content}\n\n${after}`);
  }
  return text;
}
