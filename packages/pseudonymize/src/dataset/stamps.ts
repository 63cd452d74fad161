import { type ElementEncoding, encodeElement, encodeItemHeader, Tags } from '@adit/core';
import { edition } from '../generated/confidentiality-profiles.ts';
import { latin1Bytes } from '../identifiers/text.ts';
import type { DateMode, Profile } from '../profile/profile.ts';
import type { RecipeOption } from '../recipe/profile-option.ts';

/** What was performed, for (0012,0063): one value of at most 64 characters. */
export const methodText = `PS3.15 ${edition} Basic Application Confidentiality Profile`;

/** A term of CID 7050, De-identification Method (PS3.16). */
export interface Method {
  code: string;
  meaning: string;
}

const basicProfile: Method = { code: '113100', meaning: 'Basic Application Confidentiality Profile' };

const methodsOfOptions: Readonly<Record<RecipeOption, Method>> = {
  cleanPixelData: { code: '113101', meaning: 'Clean Pixel Data Option' },
  cleanRecognizableVisualFeatures: { code: '113102', meaning: 'Clean Recognizable Visual Features Option' },
  cleanGraphics: { code: '113103', meaning: 'Clean Graphics Option' },
  cleanStructuredContent: { code: '113104', meaning: 'Clean Structured Content Option' },
  cleanDescriptors: { code: '113105', meaning: 'Clean Descriptors Option' },
  retainLongitudinalFullDates: {
    code: '113106',
    meaning: 'Retain Longitudinal Temporal Information Full Dates Option',
  },
  retainLongitudinalModifiedDates: {
    code: '113107',
    meaning: 'Retain Longitudinal Temporal Information Modified Dates Option',
  },
  retainPatientCharacteristics: { code: '113108', meaning: 'Retain Patient Characteristics Option' },
  retainDeviceIdentity: { code: '113109', meaning: 'Retain Device Identity Option' },
  retainUids: { code: '113110', meaning: 'Retain UIDs Option' },
  retainSafePrivate: { code: '113111', meaning: 'Retain Safe Private Option' },
  retainInstitutionIdentity: { code: '113112', meaning: 'Retain Institution Identity Option' },
};

/** What was performed on an object: the Basic Profile and the options of the recipe, pixels when they were really cleaned. */
export function performedMethods(profile: Profile, cleansPixels: boolean): readonly Method[] {
  const options = profile.recipe.options.filter((option) => option !== 'cleanPixelData');
  return [
    basicProfile,
    ...(cleansPixels ? [methodsOfOptions.cleanPixelData] : []),
    ...options.map((option) => methodsOfOptions[option]),
  ];
}

/** Values of (0012,0063) that say the same in words. */
export function methodTexts(methods: readonly Method[]): string[] {
  return methods.map(({ code, meaning }) => (code === basicProfile.code ? methodText : meaning));
}

/** Longitudinal Temporal Information Modified (0028,0303), PS3.3 §C.12.1. */
export const dateStamps: Readonly<Record<DateMode, string>> = {
  removed: 'REMOVED',
  kept: 'UNMODIFIED',
  shifted: 'MODIFIED',
};

/** Items made so far: a few methods in three encodings, and in every instance. */
const methodItems = new Map<string, Uint8Array>();

/** Items of (0012,0064) for methods. */
export function encodeMethodItems(methods: readonly Method[], encoding: ElementEncoding): Uint8Array {
  return concatenated(methods.map((method) => encodeMethodItem(method, encoding)));
}

function encodeMethodItem({ code, meaning }: Method, encoding: ElementEncoding): Uint8Array {
  const key = `${code} ${encoding.explicitVr} ${encoding.littleEndian}`;
  let item = methodItems.get(key);
  if (item === undefined) {
    item = encodeCodeItem({ value: code, scheme: 'DCM', meaning }, encoding);
    methodItems.set(key, item);
  }
  return item;
}

/** An item of a code sequence (PS3.3 Table 8.8-1), of a defined length. */
export function encodeCodeItem(
  { value, scheme, meaning }: { value: string; scheme: string; meaning: string },
  encoding: ElementEncoding,
): Uint8Array {
  const elements = [
    encodeElement(Tags.CodeValue, 'SH', latin1Bytes(value), encoding),
    encodeElement(Tags.CodingSchemeDesignator, 'SH', latin1Bytes(scheme), encoding),
    encodeElement(Tags.CodeMeaning, 'LO', latin1Bytes(meaning), encoding),
  ];
  const length = elements.reduce((sum, element) => sum + element.length, 0);
  return concatenated([encodeItemHeader(length, encoding), ...elements]);
}

export function concatenated(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let position = 0;
  for (const part of parts) {
    bytes.set(part, position);
    position += part.length;
  }
  return bytes;
}
