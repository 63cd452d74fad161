import {
  type Attributes,
  attributesFrom,
  DicomError,
  type DicomInstance,
  type Query,
  type Queryable,
  type RetrieveOptions,
  type Selection,
  textOf,
  textsOf,
} from '@adit/core';
import { abortAsRefusal } from './abort-error.ts';
import type { Association } from './association.ts';
import { type AssociationPool, diedUnused } from './association-pool.ts';
import { type DimseNode, nodeName } from './node.ts';
import { type ContextRequest, MAXIMUM_CONTEXTS } from './presentation-context.ts';
import { getContexts, getModel } from './query-model.ts';
import { RetrieveAccount } from './retrieve-account.ts';
import { guessStorageContexts, planStorageContexts } from './storage-contexts.ts';

/** UIDs asked for at once: a value of VR UI holds 65,534 bytes (PS3.5 §7.1.2). */
const UIDS_PER_REQUEST = 500;

/** One C-GET or C-MOVE: its keys below Query/Retrieve Level. */
interface Target {
  level: 'STUDY' | 'SERIES' | 'IMAGE';
  seriesInstanceUid?: string;
  sopInstanceUids?: readonly string[];
}

/**
 * Retrieves a selection by C-GET. The presentation contexts are planned from its SOP classes; instances that the node could
 * not send are asked for again on associations with other contexts.
 *
 * Instances that never come go to `onFailure`. Throws `DimseError` when the retrieval fails as a whole; `NOTHING_SENT` when
 * the node says it is done and has sent nothing.
 */
export async function* retrieve(
  node: DimseNode,
  pool: AssociationPool,
  queryable: Queryable,
  selection: Selection,
  options: RetrieveOptions = {},
): AsyncGenerator<DicomInstance, void, undefined> {
  const { signal } = options;
  const search = new SelectionSearch(queryable, selection, signal);
  let targets = await planTargets(search, selection);
  if (targets.length === 0) return;
  const rounds = await planRounds(search, options.sopClassUids);

  const account = new RetrieveAccount(nodeName(node));
  let repeats = false;
  for (const [index, contexts] of rounds.entries()) {
    account.beginRound(repeats);
    yield* retrieveRound(pool, selection, targets, contexts, account, signal);
    // Only instances that one by one could not be sent may lack a context.
    if (account.failed === 0 || index + 1 === rounds.length) break;
    const missing = await missingTargets(search, targets, account);
    if (missing?.length === 0) break;
    repeats = missing === undefined;
    targets = missing ?? targets;
  }
  account.settle(options.onFailure);
}

/** Retrieves all targets over one association with these contexts. */
async function* retrieveRound(
  pool: AssociationPool,
  selection: Selection,
  targets: readonly Target[],
  contexts: readonly ContextRequest[],
  account: RetrieveAccount,
  signal: AbortSignal | undefined,
): AsyncGenerator<DicomInstance, void, undefined> {
  const waiting = [...targets];
  for (;;) {
    const place = await pool.take([...getContexts(), ...contexts], signal);
    const { association } = place;
    const before = account.count;
    try {
      const sopClassUid = getModel(association, selection.patientId);
      for (let target = waiting[0]; target; target = waiting[0]) {
        yield* retrieveTarget(association, sopClassUid, targetIdentifier(selection, target), account, signal);
        waiting.shift();
      }
      return;
    } catch (error) {
      const begun = waiting.length < targets.length || account.count > before;
      if (!begun && diedUnused(place, error)) continue;
      throw begun || account.count > 0 ? error : abortAsRefusal(error, association.peer, 'C-GET');
    } finally {
      place.giveBack();
    }
  }
}

async function* retrieveTarget(
  association: Association,
  sopClassUid: string,
  identifier: Attributes,
  account: RetrieveAccount,
  signal: AbortSignal | undefined,
): AsyncGenerator<DicomInstance, void, undefined> {
  const instances = association.cGet({ sopClassUid, identifier, signal });
  try {
    for (;;) {
      const next = await instances.next();
      if (next.done) {
        account.book(next.value);
        return;
      }
      const instance = next.value;
      // A node that converts may send in a later round what came before: nobody needs it twice.
      if (account.see(instance.sopInstanceUid)) yield instance;
    }
  } finally {
    await instances.return(undefined as never);
  }
}

/** The identifier of one C-GET or C-MOVE. */
export function targetIdentifier(selection: Selection, target: Target): Attributes {
  return attributesFrom({
    QueryRetrieveLevel: target.level,
    StudyInstanceUID: selection.studyInstanceUid,
    PatientID: selection.patientId,
    SeriesInstanceUID: target.seriesInstanceUid,
    SOPInstanceUID: target.sopInstanceUids,
  });
}

/** The C-GETs or C-MOVEs a selection needs. Lists of UIDs go at the lowest level only (PS3.4 §C.4.3.1.3.1). */
export async function planTargets(search: SelectionSearch, selection: Selection): Promise<Target[]> {
  const { seriesInstanceUids, sopInstanceUids, excludeModalities } = selection;
  let series = seriesInstanceUids;
  if (excludeModalities?.length) {
    const excluded = new Set(excludeModalities);
    const wanted = series && new Set(series);
    series = (await search.series())
      .filter((one) => !excluded.has(one.modality) && (!wanted || wanted.has(one.uid)))
      .map((one) => one.uid);
  }
  if (sopInstanceUids) {
    if (series?.length === 1) return imageTargets(series[0]!, sopInstanceUids);
    const index = await search.instances();
    const wanted = new Set(sopInstanceUids);
    const allowed = series && new Set(series);
    const chosen = index.filter((one) => wanted.has(one.uid) && (!allowed || allowed.has(one.seriesUid)));
    return targetsOf(chosen);
  }
  if (series) return series.map((uid) => ({ level: 'SERIES', seriesInstanceUid: uid }));
  return [{ level: 'STUDY' }];
}

function targetsOf(instances: readonly FoundInstance[]): Target[] {
  const bySeries = Map.groupBy(instances, (one) => one.seriesUid);
  return [...bySeries].flatMap(([seriesUid, some]) =>
    imageTargets(
      seriesUid,
      some.map((one) => one.uid),
    ),
  );
}

function imageTargets(seriesInstanceUid: string, uids: readonly string[]): Target[] {
  const targets: Target[] = [];
  for (let at = 0; at < uids.length; at += UIDS_PER_REQUEST) {
    targets.push({
      level: 'IMAGE',
      seriesInstanceUid,
      sopInstanceUids: uids.slice(at, at + UIDS_PER_REQUEST),
    });
  }
  return targets;
}

async function planRounds(
  search: SelectionSearch,
  known: readonly string[] | undefined,
): Promise<ContextRequest[][]> {
  const places = MAXIMUM_CONTEXTS - getContexts().length;
  if (known?.length) return planStorageContexts(known, places);
  const found = await search.sopClasses();
  if (found.length > 0) return planStorageContexts(found, places);
  return guessStorageContexts(await search.modalities(), places);
}

/** What to ask for again; undefined when the node does not tell what it has. */
async function missingTargets(
  search: SelectionSearch,
  targets: readonly Target[],
  account: RetrieveAccount,
): Promise<Target[] | undefined> {
  const instances = await search.instancesOrNone();
  if (instances.length === 0) return undefined;
  const series = targets.map((target) => target.seriesInstanceUid);
  const wanted = series.includes(undefined) ? undefined : new Set(series);
  return targetsOf(
    instances.filter((one) => !account.has(one.uid) && (!wanted || wanted.has(one.seriesUid))),
  );
}

interface FoundInstance {
  uid: string;
  seriesUid: string;
  sopClassUid: string | undefined;
}

/** Questions about a selection, each asked at most once. Nodes need not answer all of them. */
export class SelectionSearch {
  readonly #queryable: Queryable;
  readonly #selection: Selection;
  readonly #signal: AbortSignal | undefined;
  #series: Promise<{ uid: string; modality: string }[]> | undefined;
  #instances: Promise<FoundInstance[]> | undefined;

  constructor(queryable: Queryable, selection: Selection, signal: AbortSignal | undefined) {
    this.#queryable = queryable;
    this.#selection = selection;
    this.#signal = signal;
  }

  series(): Promise<{ uid: string; modality: string }[]> {
    this.#series ??= this.#find('SERIES', { Modality: '' }).then((matches) =>
      matches.map((match) => ({
        uid: textOf(match, 'SeriesInstanceUID') ?? '',
        modality: textOf(match, 'Modality') ?? '',
      })),
    );
    return this.#series;
  }

  /** The instances of the selection's series, or of the whole study. */
  instances(): Promise<FoundInstance[]> {
    this.#instances ??= this.#findInstances();
    return this.#instances;
  }

  /** The same, empty when the node does not answer at this level. */
  instancesOrNone(): Promise<FoundInstance[]> {
    return this.#orNone(() => this.instances());
  }

  /** From SOP Classes in Study (0008,0062), which is one question, or from every instance. */
  async sopClasses(): Promise<string[]> {
    const [study] = await this.#orNone(() => this.#find('STUDY', { SOPClassesInStudy: '' }));
    const inStudy = study ? textsOf(study, 'SOPClassesInStudy').filter((uid) => uid !== '') : [];
    if (inStudy.length > 0) return inStudy;
    const instances = await this.instancesOrNone();
    const uids = new Set(instances.map((one) => one.sopClassUid).filter((uid) => uid !== undefined));
    return [...uids];
  }

  async modalities(): Promise<string[]> {
    const series = await this.#orNone(() => this.series());
    return [...new Set(series.map((one) => one.modality))];
  }

  async #findInstances(): Promise<FoundInstance[]> {
    const seriesUids = this.#selection.seriesInstanceUids ?? (await this.series()).map((one) => one.uid);
    const found: FoundInstance[] = [];
    const wanted = this.#selection.sopInstanceUids && new Set(this.#selection.sopInstanceUids);
    for (const seriesUid of seriesUids) {
      for (const match of await this.#find('IMAGE', { SeriesInstanceUID: seriesUid, SOPClassUID: '' })) {
        const uid = textOf(match, 'SOPInstanceUID');
        if (uid === undefined || (wanted && !wanted.has(uid))) continue;
        found.push({ uid, seriesUid, sopClassUid: textOf(match, 'SOPClassUID') });
      }
    }
    return found;
  }

  async #find(level: Query['level'], keys: Record<string, string>): Promise<Attributes[]> {
    const { studyInstanceUid, patientId } = this.#selection;
    const unique = {
      StudyInstanceUID: studyInstanceUid,
      ...(patientId !== undefined && { PatientID: patientId }),
    };
    const matches: Attributes[] = [];
    const options = this.#signal ? { signal: this.#signal } : {};
    for await (const match of this.#queryable.find({ level, keys: { ...unique, ...keys } }, options)) {
      matches.push(match);
    }
    return matches;
  }

  /** A node that refuses a question can still be retrieved from; one that cannot be reached can not. */
  async #orNone<T>(ask: () => Promise<T[]>): Promise<T[]> {
    try {
      return await ask();
    } catch (error) {
      this.#signal?.throwIfAborted();
      if (error instanceof DicomError && !error.retryable) return [];
      throw error;
    }
  }
}
