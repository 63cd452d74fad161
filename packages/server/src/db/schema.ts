import type { Reason, RetrievalWay, Task } from '@adit/client';
import type { JobState, TaskState } from '@adit/core';
import type { ColumnType, Generated, GeneratedAlways, JSONColumnType } from 'kysely';

/** int8: a text in JavaScript, for it may exceed what numbers hold exactly. */
type Id = GeneratedAlways<string>;
/** int8 that counts: read as text, written as number. */
type Count = ColumnType<string, number | undefined, number>;
type CreatedAt = Generated<Date>;

export interface UserTable {
  id: Id;
  username: string;
  name: string;
  /** PHC string of argon2id. */
  password_hash: string;
  administrator: boolean;
  created_at: CreatedAt;
  disabled_at: Date | null;
}

/** Belongs to connect-pg-simple. */
export interface SessionTable {
  sid: string;
  sess: JSONColumnType<object>;
  expire: Date;
}

/** What is kept of a node beside its columns: the settings of the contract that are no secret. */
export type StoredNodeSettings =
  | {
      kind: 'dimse';
      aeTitle: string;
      host: string;
      port: number;
      maxAssociations: number;
      dicomWebUrl?: string | undefined;
      /** Left out: whatever the node offers. */
      retrieve?: RetrievalWay[] | undefined;
      maxTasks: number;
    }
  | { kind: 'dicomweb'; url: string; maxTasks: number }
  | { kind: 'folder'; path: string };

export interface NodeTable {
  id: Id;
  name: string;
  source: boolean;
  destination: boolean;
  settings: JSONColumnType<StoredNodeSettings>;
  /** Sealed value of the Authorization header, bound to the node's id. */
  authorization: string | null;
  created_at: CreatedAt;
}

export interface JobTable {
  id: Id;
  kind: 'selective';
  state: Generated<JobState>;
  message: Generated<string>;
  owner_id: string;
  source_id: string;
  destination_id: string;
  created_at: CreatedAt;
  started_at: Date | null;
  ended_at: Date | null;
}

export interface TaskTable {
  id: Id;
  job_id: string;
  /** The job's source, repeated for admission. */
  source_id: string;
  state: Generated<TaskState>;
  study_instance_uid: string;
  patient_id: string | null;
  series_instance_uids: string[] | null;
  pseudonym: string | null;
  /** Attempts begun since the task was last asked for. */
  attempts: Generated<number>;
  message: Generated<string>;
  /** When the queue got it; null while it waits for admission. */
  admitted_at: Date | null;
  /** Not before this time. */
  retry_at: Date | null;
  /** The worker that runs it. */
  worker_id: string | null;
  expected: ColumnType<string | null, number | null | undefined, number | null>;
  received: Count;
  stored: Count;
  skipped: Count;
  warnings: Count;
  failed: Count;
  held: Count;
  verified: Count;
  bytes: Count;
  reasons: ColumnType<Reason[], string | undefined, string>;
  verification: NonNullable<Task['verification']> | null;
  /** Bytes a second, while it runs. */
  rate: number | null;
  created_at: CreatedAt;
  started_at: Date | null;
  ended_at: Date | null;
}

/**
 * Instances of a task that need nothing more, so that a retry sends only the others. Holds no pseudonymized UID, so it
 * links nothing, and is emptied when the task has ended well.
 */
export interface LedgerTable {
  task_id: string;
  sop_instance_uid: string;
  state: 'stored' | 'warning' | 'present' | 'excluded';
  bytes: Count;
}

/** What changed lately, in the order of commits; the newest rows only are kept. */
export interface EventTable {
  id: Id;
  job_id: string;
  /** Null: the job itself. */
  task_id: string | null;
  at: CreatedAt;
}

/** Processes that do tasks. Each holds a session advisory lock on its id for as long as it lives. */
export interface WorkerTable {
  id: Id;
  started_at: CreatedAt;
}

/** Processes that take what nodes send. Each holds a session advisory lock on its id for as long as it lives. */
export interface ReceiverTable {
  id: Id;
  /** The same for as long as the process lives, also when it has to announce itself again. */
  process: string;
  ae_title: string;
  /** That nodes send to. */
  port: number;
  /** Of its machine, as a PACS may be told. */
  addresses: string[];
  /** Where workers of other processes reach it; null where it serves its own alone. */
  hand_over_host: string | null;
  hand_over_port: number | null;
  started_at: CreatedAt;
}

/** Keys of this installation, sealed. */
export interface KeyTable {
  name: string;
  sealed: string;
}

export interface Schema {
  users: UserTable;
  sessions: SessionTable;
  nodes: NodeTable;
  jobs: JobTable;
  tasks: TaskTable;
  ledger: LedgerTable;
  events: EventTable;
  workers: WorkerTable;
  receivers: ReceiverTable;
  keys: KeyTable;
}
