/** What an identifier is, and so in which ways it may be written. */
export type IdentifierKind = 'name' | 'id' | 'birth-date' | 'date' | 'uid' | 'institution' | 'text';

/** Something that must not be seen in an output. */
export interface Identifier {
  kind: IdentifierKind;
  /**
   * As an attribute has it: a name in its components and component groups (`Yamada^Tarou=山田^太郎`), a date as
   * `19501211`; a text as it is.
   */
  text: string;
}
