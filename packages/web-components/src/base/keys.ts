/** True when a key belongs to a field rather than to the page. */
export function isTyping(event: KeyboardEvent): boolean {
  return event
    .composedPath()
    .some(
      (target) =>
        (target instanceof HTMLInputElement && target.type !== 'checkbox') ||
        target instanceof HTMLTextAreaElement ||
        target instanceof HTMLSelectElement ||
        (target instanceof HTMLElement && (target.tagName === 'WA-SELECT' || target.tagName === 'WA-DIALOG')),
    );
}
