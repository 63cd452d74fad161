import { createClient } from '@adit/client';
import { type Attributes, textOf } from '@adit/core';
import { createDimseClient } from '@adit/dimse';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { accessibilityViolations, launchChromium, type ServedAdit, serveAdit } from './support/index.ts';

/*
 * The product as its users meet it: the built command serves the demo, Chromium does the rest. What arrived is asked of
 * the demo's second archive over DIMSE.
 */

let adit: ServedAdit;
let browser: Browser;
const pages: Page[] = [];

beforeAll(async () => {
  [adit, browser] = await Promise.all([serveAdit(), launchChromium()]);
}, 180_000);

afterEach(async () => {
  await Promise.all(pages.splice(0).map((page) => page.context().close()));
});

afterAll(async () => {
  await browser?.close();
  await adit?.[Symbol.asyncDispose]();
});

type Theme = 'light' | 'dark';

/** A page of somebody who has never been here, and what goes wrong on it. */
async function openPage(options: { width?: number; theme?: Theme } = {}): Promise<Page> {
  const context = await browser.newContext({
    baseURL: adit.url,
    viewport: { width: options.width ?? 1280, height: 900 },
    colorScheme: options.theme ?? 'light',
    reducedMotion: 'reduce',
  });
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  pages.push(page);
  return page;
}

async function logIn(page: Page): Promise<void> {
  await page.goto('/');
  await page.getByLabel('User name').fill(adit.firstLogin.username);
  await page.getByLabel('Password', { exact: true }).fill(adit.firstLogin.password);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('heading', { name: 'Find and transfer' }).waitFor();
}

/** Waits until a search has found something and gives the check boxes of the studies. */
async function studiesFound(page: Page): Promise<Locator> {
  const table = page.getByRole('table', { name: 'Studies found' });
  const boxes = table.getByRole('checkbox', { name: /^Choose study of/ });
  await boxes.first().waitFor();
  await page
    .getByRole('status')
    .getByText(/found|more than/)
    .waitFor();
  return boxes;
}

/** Chooses the first study found and starts its transfer under a pseudonym; the page of its job opens. */
async function transferFirstStudy(page: Page, pseudonym: string): Promise<void> {
  await (await studiesFound(page)).first().check();
  const basket = page.getByRole('region', { name: 'Chosen studies' });
  await basket.getByLabel('Pseudonym').fill(pseudonym);
  await basket.getByRole('button', { name: 'Check plan' }).click();
  await page.getByRole('dialog', { name: 'Check the plan' }).waitFor();
  await page.getByRole('button', { name: 'Start transfer' }).click();
  await page.getByRole('heading', { name: /^Job \d+$/ }).waitFor();
}

/** What an archive of the demo answers to a question for a patient's studies. */
async function studiesAt(nodeName: string, patientId: string): Promise<Attributes[]> {
  const client = createClient({ baseUrl: adit.url });
  const { username, password } = adit.firstLogin;
  await client.login({ body: { username, password } });
  const node = (await client.listNodes()).find(({ name }) => name === nodeName);
  if (node?.kind !== 'dimse') {
    throw new Error(`there is no DIMSE node ${nodeName}`);
  }
  const { aeTitle, host, port } = node;
  await using archive = createDimseClient({ aeTitle, host, port });
  const matches: Attributes[] = [];
  const keys = { PatientID: patientId, NumberOfStudyRelatedInstances: '' };
  for await (const match of archive.find({ level: 'STUDY', keys })) {
    matches.push(match);
  }
  return matches;
}

test('somebody logs in, finds a study, transfers it under a pseudonym and sees it arrive', async () => {
  const page = await openPage();
  await logIn(page);
  await transferFirstStudy(page, 'E2E-0001');
  await page.getByRole('status').getByText('Done').waitFor({ timeout: 60_000 });
  await expect(page.getByText('all accounted for').count()).resolves.toBe(1);

  const arrived = await studiesAt('Demo B', 'E2E-0001');
  expect(arrived).toHaveLength(1);
  expect(textOf(arrived[0]!, 'PatientName')).toBe('E2E-0001');
  const count = textOf(arrived[0]!, 'NumberOfStudyRelatedInstances');
  const images = await page.locator('.tile', { hasText: 'Images' }).locator('b').textContent();
  expect(images).toBe(`${count} / ${count}`);
});

test('a wrong password is told in words and nothing is shown', async () => {
  const page = await openPage();
  await page.goto('/');
  await page.getByLabel('User name').fill(adit.firstLogin.username);
  await page.getByLabel('Password', { exact: true }).fill('not the password');
  await page.getByRole('button', { name: 'Log in' }).click();
  await page
    .getByRole('alert')
    .filter({ hasText: /password/i })
    .waitFor();
  expect(await page.getByRole('navigation').count()).toBe(0);
});

test('a filter narrows what is found and stays in the address', async () => {
  const page = await openPage();
  await logIn(page);
  const before = await (await studiesFound(page)).count();
  const name = await page.locator('tr.study td').nth(1).textContent();
  const family = name!.split(',')[0]!.trim();
  await page.getByRole('textbox', { name: 'Patient name' }).fill(family);
  await page.getByRole('textbox', { name: 'Patient name' }).press('Enter');
  await expect.poll(async () => (await studiesFound(page)).count(), { timeout: 15_000 }).toBeLessThan(before);
  await page.reload();
  await studiesFound(page);
  expect(await page.getByRole('textbox', { name: 'Patient name' }).inputValue()).toBe(family);
});

test('the main job can be done with the keyboard alone', async () => {
  const page = await openPage();
  await page.goto('/');
  await page.getByLabel('User name').waitFor();
  await expect.poll(() => focusedLabel(page)).toMatch(/User name/);
  await page.keyboard.type(adit.firstLogin.username);
  await page.keyboard.press('Tab');
  await page.keyboard.type(adit.firstLogin.password);
  await page.keyboard.press('Enter');
  await studiesFound(page);
  // j: the first row, x: choose it.
  await page.keyboard.press('j');
  await page.keyboard.press('x');
  await page.getByRole('region', { name: 'Chosen studies' }).waitFor();
  await tabTo(page, /^Pseudonym/);
  await page.keyboard.type('E2E-KEYS');
  await page.keyboard.press('Enter');
  await page.getByRole('dialog', { name: 'Check the plan' }).waitFor();
  await tabTo(page, /^Start transfer/);
  await page.keyboard.press('Enter');
  await page.getByRole('status').getByText('Done').waitFor({ timeout: 60_000 });
  expect(await studiesAt('Demo B', 'E2E-KEYS')).toHaveLength(1);
});

describe('the form of a node', () => {
  /** Opens the form for a new PACS and fills in what it needs. */
  async function openForm(page: Page, name: string): Promise<Locator> {
    await logIn(page);
    await page.goto('/nodes');
    await page.getByRole('button', { name: 'Add a node' }).click();
    await page.getByRole('dialog', { name: 'Add a node' }).waitFor();
    await isOpen(page);
    const form = page.locator('adit-node-form');
    await form.getByLabel('Name').fill(name);
    await form.getByLabel('AE title').fill('NOBODY');
    await form.getByLabel('Host').fill('127.0.0.1');
    return form;
  }

  /** The form takes the focus when it is there in full, wherever that was put before. */
  async function isOpen(page: Page): Promise<void> {
    await expect.poll(() => focusedLabel(page), { timeout: 15_000 }).toBe('Name');
  }

  async function change(page: Page, name: string): Promise<Locator> {
    await page.getByRole('button', { name: `More for ${name}` }).click();
    await page.getByRole('menuitem', { name: 'Change' }).click();
    await page.getByRole('dialog', { name: 'Change the node' }).waitFor();
    await isOpen(page);
    return page.locator('adit-node-form');
  }

  async function save(page: Page): Promise<void> {
    await page.getByRole('button', { name: 'Save and test' }).click();
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
  }

  async function logInAsClient() {
    const client = createClient({ baseUrl: adit.url });
    const { username, password } = adit.firstLogin;
    await client.login({ body: { username, password } });
    return client;
  }

  async function saved(name: string) {
    const client = await logInAsClient();
    return (await client.listNodes()).find((node) => node.name === name);
  }

  // The search of other tests begins at the first node there is.
  afterAll(async () => {
    const client = await logInAsClient();
    for (const { id, name } of await client.listNodes())
      if (!name.startsWith('Demo ')) await client.deleteNode({ params: { nodeId: id } });
  });

  const ways = async (form: Locator) =>
    (await form.getByRole('listitem').allInnerTexts()).map((text) => text.split('\n')[0]);

  test('keeps a DICOMweb service and the order of ways', async () => {
    const page = await openPage();
    let form = await openForm(page, 'Ordered');
    const wado = form.getByRole('checkbox', { name: /^WADO-RS/ });
    expect(await wado.isDisabled()).toBe(true);
    expect(await form.getByLabel('Authorization header').count()).toBe(0);
    await form.getByRole('textbox', { name: 'DICOMweb service root' }).fill('http://127.0.0.1:9/rs');
    await form.getByLabel('Authorization header').fill('Bearer secret');
    expect(await wado.isChecked()).toBe(true);
    await save(page);
    // The usual order is said by saying none.
    const usual = await saved('Ordered');
    expect(usual).toMatchObject({ dicomWebUrl: 'http://127.0.0.1:9/rs', hasAuthorization: true });
    expect(usual).not.toHaveProperty('retrieve');

    form = await change(page, 'Ordered');
    expect(await ways(form)).toEqual(['WADO-RS', 'C-GET', 'C-MOVE']);
    await form.getByRole('button', { name: 'Move WADO-RS down' }).click();
    await form.getByRole('checkbox', { name: /^C-MOVE/ }).uncheck();
    await save(page);
    expect(await saved('Ordered')).toMatchObject({ retrieve: ['c-get', 'wado-rs'], hasAuthorization: true });

    form = await change(page, 'Ordered');
    expect(await ways(form)).toEqual(['C-GET', 'WADO-RS', 'C-MOVE']);
    expect(await form.getByRole('checkbox', { name: /^C-MOVE/ }).isChecked()).toBe(false);
    await form.getByRole('textbox', { name: 'DICOMweb service root' }).fill('');
    await save(page);
    const byGet = await saved('Ordered');
    expect(byGet).toMatchObject({ retrieve: ['c-get'], hasAuthorization: false });
    expect(byGet).not.toHaveProperty('dicomWebUrl');
  });

  test('puts ways in order by the keyboard alone, and says so', async () => {
    const page = await openPage();
    const form = await openForm(page, 'By keys');
    await tabTo(page, /^Move C-MOVE up/);
    await page.keyboard.press('Enter');
    await form.getByText('C-MOVE is number 2 of 3 now.').waitFor();
    // The focus goes along, and stays where there is no way further.
    expect(await focusedLabel(page)).toBe('Move C-MOVE up');
    await page.keyboard.press('Space');
    await form.getByText('C-MOVE is number 1 of 3 now.').waitFor();
    await page.keyboard.press('Enter');
    expect(await focusedLabel(page)).toBe('Move C-MOVE up');
    expect(await ways(form)).toEqual(['C-MOVE', 'WADO-RS', 'C-GET']);
    await tabTo(page, /^C-GET/);
    await page.keyboard.press('Space');
    expect(await form.getByRole('checkbox', { name: /^C-GET/ }).isChecked()).toBe(false);
    await tabTo(page, /^Save and test/);
    await page.keyboard.press('Enter');
    await expect.poll(() => saved('By keys'), { timeout: 15_000 }).toMatchObject({ retrieve: ['c-move'] });
  });

  test('says when no way is left', async () => {
    const page = await openPage();
    const form = await openForm(page, 'No way');
    await form.getByRole('checkbox', { name: /^C-GET/ }).uncheck();
    await form.getByRole('checkbox', { name: /^C-MOVE/ }).uncheck();
    await page.getByRole('button', { name: 'Save and test' }).click();
    await form.getByText('The order must name at least one way').waitFor();
    expect(await saved('No way')).toBeUndefined();
  });

  test('makes a DICOMweb service a destination', async () => {
    const page = await openPage();
    const form = await openForm(page, 'Web');
    const kind = form.getByRole('combobox', { name: 'Kind' });
    const isShown = form.locator('wa-select').evaluate(async (select) => {
      await new Promise((resolve) => select.addEventListener('wa-after-show', resolve, { once: true }));
    });
    await kind.click();
    // A user looks at the list before choosing: it has to stay when it is there in full.
    await isShown;
    expect(await kind.getAttribute('aria-expanded')).toBe('true');
    await form.getByRole('option', { name: 'DICOMweb service' }).click();
    // The root of the PACS shown before has a label that ends in the same words.
    await form.getByLabel('Service root', { exact: true }).fill('http://127.0.0.1:9/rs');
    await form.getByRole('checkbox', { name: 'Destination' }).check();
    await save(page);
    expect(await saved('Web')).toMatchObject({ kind: 'dicomweb', source: true, destination: true });
  });

  test.each<[Theme, number]>([
    ['light', 1280],
    ['dark', 1280],
    ['light', 400],
  ])('is in order in the %s theme, %i pixels wide', async (theme, width) => {
    const page = await openPage({ theme, width });
    const form = await openForm(page, 'Looks');
    await form
      .getByRole('textbox', { name: 'DICOMweb service root' })
      .fill('https://pacs.example.org/dicom-web');
    await form.getByLabel('Authorization header').waitFor();
    expect(await accessibilityViolations(page)).toEqual([]);
    expect(await overflow(page)).toBe(0);
    const tooWide = form.evaluate((element) => {
      const inner = element.shadowRoot!.querySelector('form')!;
      return inner.scrollWidth - inner.clientWidth;
    });
    expect(await tooWide).toBe(0);
  });
});

describe.each<Theme>(['light', 'dark'])('in the %s theme', (theme) => {
  test('axe finds nothing to object to on any main screen', { timeout: 120_000 }, async () => {
    const page = await openPage({ theme });
    await page.goto('/');
    await page.getByLabel('User name').waitFor();
    expect(await accessibilityViolations(page)).toEqual([]);

    await logIn(page);
    await (await studiesFound(page)).first().check();
    await page
      .getByRole('button', { name: /^Series of the study/ })
      .first()
      .click();
    await page.locator('tr.series').first().waitFor();
    expect(await accessibilityViolations(page)).toEqual([]);

    await page.getByRole('button', { name: 'Check plan' }).click();
    await page.getByRole('dialog', { name: 'Check the plan' }).waitFor();
    expect(await accessibilityViolations(page)).toEqual([]);
    await page.getByRole('button', { name: 'Back' }).click();

    await page.getByRole('navigation').getByRole('link', { name: 'Nodes' }).click();
    await page.getByRole('heading', { name: 'Nodes', level: 1 }).waitFor();
    await page.getByText('Demo B').first().waitFor();
    expect(await accessibilityViolations(page)).toEqual([]);

    await page.getByRole('navigation').getByRole('link', { name: 'Jobs' }).click();
    await page.getByRole('heading', { name: 'Jobs', level: 1 }).waitFor();
    expect(await accessibilityViolations(page)).toEqual([]);

    await page.getByRole('navigation').getByRole('link', { name: 'Find and transfer' }).click();
    await transferFirstStudy(page, `E2E-${theme}`);
    await page.getByRole('status').getByText('Done').waitFor({ timeout: 60_000 });
    expect(await accessibilityViolations(page)).toEqual([]);
  });
});

test('no screen is wider than a window of 400 pixels', async () => {
  const page = await openPage({ width: 400 });
  await page.goto('/');
  await page.getByLabel('User name').waitFor();
  expect(await overflow(page)).toBe(0);
  await logIn(page);
  await (await studiesFound(page)).first().check();
  expect(await overflow(page)).toBe(0);
  await page.getByRole('button', { name: 'Check plan' }).click();
  await page.getByRole('dialog', { name: 'Check the plan' }).waitFor();
  expect(await overflow(page)).toBe(0);
  for (const path of ['/jobs', '/nodes', '/no-such-page']) {
    await page.goto(path);
    await page.getByRole('heading').first().waitFor();
    expect(await overflow(page), path).toBe(0);
  }
});

test('nothing is loaded from elsewhere and nothing goes wrong on the console', async () => {
  const page = await openPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    // A browser reports the answer to "who am I" of somebody who is nobody yet as an error.
    if (message.type() === 'error' && !/401/.test(message.text())) {
      complaints.push(message.text());
    }
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => {
    if (!/^(blob|data):/.test(request.url()) && new URL(request.url()).origin !== adit.url) {
      complaints.push(`asks for ${request.url()}`);
    }
  });
  await logIn(page);
  await studiesFound(page);
  for (const name of ['Jobs', 'Nodes', 'Find and transfer']) {
    await page.getByRole('navigation').getByRole('link', { name }).click();
    await page.getByRole('heading', { name, level: 1 }).waitFor();
  }
  expect(complaints).toEqual([]);
});

/** How many pixels the page is wider than its window, with everything that scrolls as a whole. */
function overflow(page: Page): Promise<number> {
  return page.evaluate(() => {
    const roots: Element[] = [document.documentElement];
    const main = document.querySelector('adit-app')?.shadowRoot?.querySelector('main');
    if (main) {
      roots.push(main);
    }
    return Math.max(...roots.map((root) => root.scrollWidth - root.clientWidth));
  });
}

/** Presses Tab until what has the focus is named so. */
async function tabTo(page: Page, label: RegExp): Promise<void> {
  const passed: string[] = [];
  for (let presses = 0; presses < 80; presses += 1) {
    await page.keyboard.press('Tab');
    const focused = await focusedLabel(page);
    if (label.test(focused)) {
      return;
    }
    passed.push(focused);
  }
  throw new Error(`Tab does not lead to ${label}, but to ${passed.join(', ')}`);
}

/** Name of what has the focus, through all shadow roots: its label, or its text. */
function focusedLabel(page: Page): Promise<string> {
  return page.evaluate(() => {
    const path: Element[] = [];
    for (let root: DocumentOrShadowRoot | null = document; root?.activeElement; ) {
      path.unshift(root.activeElement);
      root = root.activeElement.shadowRoot;
    }
    for (const element of path) {
      const label =
        element.getAttribute('aria-label') ??
        element.getAttribute('label') ??
        (element.textContent || (element as HTMLInputElement).labels?.[0]?.textContent)?.trim();
      if (label) {
        return label;
      }
    }
    return '';
  });
}
