import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/** Receivers that workers of other processes can find, and the Message IDs of C-MOVEs, which all of them share. */
export const receivers: Migration = {
  async up(db: Kysely<unknown>) {
    for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
  },
};

const STATEMENTS = [
  `create table receivers (
    id bigint generated always as identity primary key,
    process uuid not null,
    ae_title text not null,
    port int not null,
    addresses text[] not null,
    hand_over_host text,
    hand_over_port int,
    started_at timestamptz not null default now(),
    check ((hand_over_host is null) = (hand_over_port is null))
  )`,
  // Nodes that name a Message ID of their own making name a low one.
  'create sequence move_message_ids as int minvalue 1000 maxvalue 65535 cycle',
];
