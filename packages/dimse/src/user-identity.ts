import { DimseError } from './dimse-error.ts';
import type { UserIdentityItem } from './pdu.ts';

/**
 * Who asks for an association (PS3.7 §D.3.3.7). Texts are sent as UTF-8. A passcode is as safe as the connection: use TLS.
 */
export type UserIdentity =
  | { kind: 'username'; username: string }
  | { kind: 'passcode'; username: string; passcode: string }
  /** A Kerberos service ticket. */
  | { kind: 'kerberos'; ticket: Uint8Array }
  /** A SAML assertion. */
  | { kind: 'saml'; assertion: string }
  /** A JSON Web Token. */
  | { kind: 'jwt'; token: string };

/** User-Identity-Type (PS3.7 Table D.3-14). */
const Type = { username: 1, passcode: 2, kerberos: 3, saml: 4, jwt: 5 } as const;
/** The lengths of the fields have two bytes. */
const LONGEST_FIELD = 0xffff;
const NONE = new Uint8Array(0);

/** Throws `INVALID_NODE` where a part of it is empty or too long. */
export function encodeUserIdentity(identity: UserIdentity): UserIdentityItem {
  const [primary, secondary] = fieldsOf(identity);
  if (primary.length === 0) throw invalid(`The user identity (${identity.kind}) is empty.`);
  // All items together must fit into the user information, whose length has two bytes too.
  if (primary.length + secondary.length > LONGEST_FIELD - 1024) {
    throw invalid(
      `The user identity (${identity.kind}) is too long: an association request has room for 64 kB.`,
    );
  }
  return { type: Type[identity.kind], responseRequested: true, primary, secondary };
}

function fieldsOf(identity: UserIdentity): [primary: Uint8Array, secondary: Uint8Array] {
  switch (identity.kind) {
    case 'username':
      return [Buffer.from(identity.username), NONE];
    case 'passcode':
      return [Buffer.from(identity.username), Buffer.from(identity.passcode)];
    case 'kerberos':
      return [identity.ticket, NONE];
    case 'saml':
      return [Buffer.from(identity.assertion), NONE];
    case 'jwt':
      return [Buffer.from(identity.token), NONE];
  }
}

/** Undefined for a type that the standard did not know when this was written: it counts as no identity. */
export function decodeUserIdentity({ type, primary, secondary }: UserIdentityItem): UserIdentity | undefined {
  switch (type) {
    case Type.username:
      return { kind: 'username', username: utf8(primary) };
    case Type.passcode:
      return { kind: 'passcode', username: utf8(primary), passcode: utf8(secondary) };
    case Type.kerberos:
      return { kind: 'kerberos', ticket: primary };
    case Type.saml:
      return { kind: 'saml', assertion: utf8(primary) };
    case Type.jwt:
      return { kind: 'jwt', token: utf8(primary) };
    default:
      return undefined;
  }
}

function utf8(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
}

function invalid(message: string): DimseError {
  return new DimseError('INVALID_NODE', message);
}
