import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/** The first tables. SQL as it is, for a migration must not change when code does. */
export const start: Migration = {
  async up(db: Kysely<unknown>) {
    for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
  },
};

const STATEMENTS = [
  `create table users (
    id bigint generated always as identity primary key,
    username text not null,
    name text not null,
    password_hash text not null,
    administrator boolean not null,
    created_at timestamptz not null default now(),
    disabled_at timestamptz
  )`,
  'create unique index users_username on users (lower(username))',

  // As connect-pg-simple has it.
  `create table sessions (
    sid text primary key,
    sess json not null,
    expire timestamptz(6) not null
  )`,
  'create index sessions_expire on sessions (expire)',

  `create table nodes (
    id bigint generated always as identity primary key,
    name text not null,
    source boolean not null,
    destination boolean not null,
    settings jsonb not null,
    "authorization" text,
    created_at timestamptz not null default now()
  )`,
  'create unique index nodes_name on nodes (lower(name))',

  `create table jobs (
    id bigint generated always as identity primary key,
    kind text not null check (kind in ('selective')),
    state text not null default 'pending'
      check (state in ('pending', 'running', 'canceling', 'canceled', 'success', 'warning', 'failure')),
    message text not null default '',
    owner_id bigint not null references users,
    source_id bigint not null references nodes,
    destination_id bigint not null references nodes,
    created_at timestamptz not null default now(),
    started_at timestamptz,
    ended_at timestamptz
  )`,
  'create index jobs_owner on jobs (owner_id, id)',
  'create index jobs_source on jobs (source_id)',
  'create index jobs_destination on jobs (destination_id)',

  `create table workers (
    id bigint generated always as identity primary key,
    started_at timestamptz not null default now()
  )`,

  `create table tasks (
    id bigint generated always as identity primary key,
    job_id bigint not null references jobs on delete cascade,
    source_id bigint not null references nodes,
    state text not null default 'pending'
      check (state in ('pending', 'running', 'canceled', 'success', 'warning', 'failure')),
    study_instance_uid text not null,
    patient_id text,
    series_instance_uids text[],
    pseudonym text,
    attempts int not null default 0,
    message text not null default '',
    admitted_at timestamptz,
    retry_at timestamptz,
    -- So that a worker whose tasks did not stop cannot be forgotten before they are freed.
    worker_id bigint references workers,
    expected bigint,
    received bigint not null default 0,
    stored bigint not null default 0,
    skipped bigint not null default 0,
    warnings bigint not null default 0,
    failed bigint not null default 0,
    held bigint not null default 0,
    verified bigint not null default 0,
    bytes bigint not null default 0,
    reasons jsonb not null default '[]',
    verification text check (verification in ('image', 'count', 'commitment', 'reread', 'none')),
    rate double precision,
    created_at timestamptz not null default now(),
    started_at timestamptz,
    ended_at timestamptz,
    check ((state = 'running') = (worker_id is not null))
  )`,
  'create index tasks_job on tasks (job_id, id)',
  // Admission asks for the next waiting tasks of a source, and for how many of its tasks are under way.
  `create index tasks_waiting on tasks (source_id, id) where state = 'pending' and admitted_at is null`,
  `create index tasks_under_way on tasks (source_id) where admitted_at is not null`,
  `create index tasks_worker on tasks (worker_id) where worker_id is not null`,

  `create table ledger (
    task_id bigint not null references tasks on delete cascade,
    sop_instance_uid text not null,
    state text not null check (state in ('stored', 'warning', 'present', 'excluded')),
    bytes bigint not null,
    primary key (task_id, sop_instance_uid)
  )`,

  `create table events (
    id bigint generated always as identity primary key,
    job_id bigint not null,
    task_id bigint,
    at timestamptz not null default now()
  )`,

  `create table keys (
    name text primary key,
    sealed text not null
  )`,
];
