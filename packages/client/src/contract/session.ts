import * as z from 'zod';
import { operation } from './operation.ts';
import { line } from './values.ts';

export const user = z
  .object({
    username: z.string(),
    name: z.string(),
    administrator: z.boolean(),
  })
  .meta({ id: 'User' });

export type User = z.infer<typeof user>;

export const credentials = z
  .strictObject({ username: line.trim().min(1).max(150), password: z.string().min(1).max(1024) })
  .meta({ id: 'Credentials' });

export const session = {
  login: operation({
    method: 'POST',
    path: '/session',
    summary: 'Log in; the answer sets the session cookie',
    tag: 'session',
    access: 'public',
    body: credentials,
    status: 200,
    response: user,
  }),
  whoAmI: operation({
    method: 'GET',
    path: '/session',
    summary: 'The user who is logged in',
    tag: 'session',
    access: 'user',
    status: 200,
    response: user,
  }),
  logout: operation({
    method: 'DELETE',
    path: '/session',
    summary: 'Log out',
    tag: 'session',
    access: 'user',
    status: 204,
  }),
};
