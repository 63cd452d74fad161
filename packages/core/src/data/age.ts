/** An age: a number of days, weeks, months or years. */
export interface DicomAge {
  /** 0 to 999. */
  value: number;
  unit: 'D' | 'W' | 'M' | 'Y';
}

/** Reads a value of VR AS: `045Y`, `006M`. Undefined for anything else. */
export function parseAge(text: string): DicomAge | undefined {
  const parts = /^(\d{1,3})([DWMY])$/.exec(text.trim());
  return parts === null ? undefined : { value: Number(parts[1]), unit: parts[2] as DicomAge['unit'] };
}

/** Writes a value of VR AS. */
export function formatAge({ value, unit }: DicomAge): string {
  return `${String(value).padStart(3, '0')}${unit}`;
}
