import { jobs } from './jobs.ts';
import { nodes } from './nodes.ts';
import { session } from './session.ts';
import { studies } from './studies.ts';
import { system } from './system.ts';

/**
 * Every operation of the REST API by its name. The server mounts its handlers from this list; the client and the OpenAPI
 * document are made from it.
 */
export const contract = { ...session, ...nodes, ...studies, ...jobs, ...system };

export type Contract = typeof contract;
export type OperationName = keyof Contract;
