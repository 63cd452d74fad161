/** Value representations of PS3.5 §6.2. */
export type Vr =
  | 'AE'
  | 'AS'
  | 'AT'
  | 'CS'
  | 'DA'
  | 'DS'
  | 'DT'
  | 'FD'
  | 'FL'
  | 'IS'
  | 'LO'
  | 'LT'
  | 'OB'
  | 'OD'
  | 'OF'
  | 'OL'
  | 'OV'
  | 'OW'
  | 'PN'
  | 'SH'
  | 'SL'
  | 'SQ'
  | 'SS'
  | 'ST'
  | 'SV'
  | 'TM'
  | 'UC'
  | 'UI'
  | 'UL'
  | 'UN'
  | 'UR'
  | 'US'
  | 'UT'
  | 'UV';

/** How the value field of a VR is made up. */
export type VrForm = 'text' | 'number' | 'bytes' | 'tag' | 'sequence';

interface VrTraits {
  form: VrForm;
  /** The explicit header has two reserved bytes and a 32-bit length (PS3.5 §7.1.2). */
  longLength: boolean;
  /** The text is in the character set of (0008,0005) (PS3.5 §6.1.2.3). */
  characterSet: boolean;
  /** `\` separates values; the others hold one text in which it is a character like any other (PS3.5 §6.2). */
  multiValued: boolean;
  /** Bytes of one unit, which big endian turns around. */
  unit: 1 | 2 | 4 | 8;
  /** Pads an odd length (PS3.5 §6.2). */
  padding: 0x00 | 0x20;
  /** Longest value in characters, or in bytes where `characterSet` is false (PS3.5 Table 6.2-1). */
  maxLength?: number;
}

function text(
  maxLength: number | undefined,
  characterSet: boolean,
  options: { multiValued?: boolean; longLength?: boolean; padding?: 0x00 | 0x20 } = {},
): VrTraits {
  const { multiValued = true, longLength = false, padding = 0x20 } = options;
  return {
    form: 'text',
    longLength,
    characterSet,
    multiValued,
    unit: 1,
    padding,
    ...(maxLength === undefined ? {} : { maxLength }),
  };
}

function binary(form: VrForm, unit: 1 | 2 | 4 | 8, longLength: boolean): VrTraits {
  const multiValued = form === 'number' || form === 'tag';
  return { form, longLength, characterSet: false, multiValued, unit, padding: 0x00 };
}

const traits: Readonly<Record<Vr, VrTraits>> = {
  AE: text(16, false),
  AS: text(4, false),
  AT: binary('tag', 2, false),
  CS: text(16, false),
  DA: text(8, false),
  DS: text(16, false),
  DT: text(26, false),
  FD: binary('number', 8, false),
  FL: binary('number', 4, false),
  IS: text(12, false),
  LO: text(64, true),
  LT: text(10240, true, { multiValued: false }),
  OB: binary('bytes', 1, true),
  OD: binary('bytes', 8, true),
  OF: binary('bytes', 4, true),
  OL: binary('bytes', 4, true),
  OV: binary('bytes', 8, true),
  OW: binary('bytes', 2, true),
  PN: text(64, true),
  SH: text(16, true),
  SL: binary('number', 4, false),
  SQ: binary('sequence', 1, true),
  SS: binary('number', 2, false),
  ST: text(1024, true, { multiValued: false }),
  SV: binary('number', 8, true),
  TM: text(14, false),
  UC: text(undefined, true, { longLength: true }),
  UI: text(64, false, { padding: 0x00 }),
  UL: binary('number', 4, false),
  UN: binary('bytes', 1, true),
  UR: text(undefined, false, { multiValued: false, longLength: true }),
  US: binary('number', 2, false),
  UT: text(undefined, true, { multiValued: false, longLength: true }),
  UV: binary('number', 8, true),
};

/** Is the text one of the VRs of the standard? */
export function isVr(code: string): code is Vr {
  return Object.hasOwn(traits, code);
}

/** All VRs, in alphabetical order. */
export const allVrs: readonly Vr[] = Object.keys(traits) as Vr[];

/** Does the explicit header have two reserved bytes and a 32-bit length (PS3.5 §7.1.2)? */
export function hasLongLength(vr: Vr): boolean {
  return traits[vr].longLength;
}

/** Is the text of this VR in the character set that (0008,0005) names (PS3.5 §6.1.2.3)? */
export function isTextVr(vr: Vr): boolean {
  return traits[vr].characterSet;
}

/** May the VR hold several values: texts divided by `\`, numbers or tags one after the other? */
export function isMultiValuedVr(vr: Vr): boolean {
  return traits[vr].multiValued;
}

/** How the value field is made up: text, numbers, tags, plain bytes or items. */
export function vrForm(vr: Vr): VrForm {
  return traits[vr].form;
}

/** Bytes of one unit of the value, which big endian turns around (PS3.5 §7.3). */
export function vrUnit(vr: Vr): 1 | 2 | 4 | 8 {
  return traits[vr].unit;
}

/** The byte that makes an odd length even (PS3.5 §6.2): a space for text, NUL for UI and bytes. */
export function vrPadding(vr: Vr): 0x00 | 0x20 {
  return traits[vr].padding;
}

/** Longest value in characters (PS3.5 Table 6.2-1); undefined when only the length field limits it. */
export function vrMaxLength(vr: Vr): number | undefined {
  return traits[vr].maxLength;
}
