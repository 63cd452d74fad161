import { ApiError, createClient, type User } from '@adit/client';
import { ContextProvider } from '@lit/context';
import { css, html, nothing, type TemplateResult } from 'lit';
import { cache } from 'lit/directives/cache.js';
import { keyed } from 'lit/directives/keyed.js';
import '@awesome.me/webawesome/dist/components/button/button.js';
import '@awesome.me/webawesome/dist/components/dialog/dialog.js';
import type WaDialog from '@awesome.me/webawesome/dist/components/dialog/dialog.js';
import { AditElement, clientContext } from '../base/adit-element.ts';
import { type IconName, icon } from '../base/icons.ts';
import { isTyping } from '../base/keys.ts';
import { problemText } from '../base/problem.ts';
import '../jobs/adit-job.ts';
import '../jobs/adit-job-list.ts';
import '../nodes/adit-nodes.ts';
import '../search/adit-study-search.ts';
import '../session/adit-login.ts';
import { type Route, routeOf } from './route.ts';

const SCREENS: readonly {
  path: string;
  screens: readonly Route['screen'][];
  icon: IconName;
  label: string;
  key: string;
}[] = [
  { path: '/find', screens: ['find'], icon: 'search', label: 'Find and transfer', key: 'f' },
  { path: '/jobs', screens: ['jobs', 'job'], icon: 'jobs', label: 'Jobs', key: 'j' },
  { path: '/nodes', screens: ['nodes'], icon: 'nodes', label: 'Nodes', key: 'n' },
];

const TITLES: Record<Route['screen'], string> = {
  find: 'Find and transfer',
  jobs: 'Jobs',
  job: 'Job',
  nodes: 'Nodes',
  unknown: 'Not found',
};

const THEME_KEY = 'adit-theme';

/** The whole application: navigation, session, and the screen the URL names. */
export class AditApp extends AditElement {
  static override styles = [
    AditElement.styles,
    css`
      :host {
        height: 100dvh;
        background: var(--bg);
      }
      .app {
        display: grid;
        grid-template: 48px minmax(0, 1fr) / 208px minmax(0, 1fr);
        height: 100%;
      }
      header {
        grid-column: 1 / -1;
        display: flex;
        align-items: center;
        gap: 8px;
        padding: 0 12px 0 16px;
        background: var(--surface);
        border-bottom: 1px solid var(--line);
      }
      .brand {
        font-weight: 650;
        letter-spacing: 0.02em;
        color: var(--ink);
      }
      .user {
        display: inline-flex;
        align-items: center;
        gap: 6px;
        padding: 0 8px;
        color: var(--muted);
      }
      nav {
        padding: 12px 8px;
        border-right: 1px solid var(--line);
        background: var(--surface);
        display: flex;
        flex-direction: column;
        gap: 2px;
      }
      nav a {
        display: flex;
        gap: 10px;
        align-items: center;
        padding: 7px 10px;
        border-radius: 6px;
        color: var(--ink);
      }
      nav a:hover {
        background: var(--sunken);
        text-decoration: none;
      }
      nav a svg {
        color: var(--muted);
      }
      nav a[aria-current] {
        background: var(--accent-soft);
        color: var(--accent);
        font-weight: 600;
      }
      nav a[aria-current] svg {
        color: var(--accent);
      }
      main {
        overflow: auto;
        padding: 20px 24px 0;
        /* What has the focus is not to be under the basket. */
        scroll-padding: 12px 0 128px;
        position: relative;
        outline: none;
        display: flex;
        flex-direction: column;
      }
      main > * {
        flex: 1 0 auto;
      }
      main > :not(adit-study-search) {
        padding-bottom: 32px;
      }
      main.alone {
        height: 100%;
        padding: 0;
      }
      main.alone > adit-login {
        padding-bottom: 24px;
      }
      #again {
        --width: min(400px, 94vw);
        --spacing: 0;
        /* The screens stay, unseen, until their user is back. */
        --wa-color-overlay-modal: var(--bg);
      }
      .menu {
        display: none;
      }
      .skip {
        position: absolute;
        left: 8px;
        top: -48px;
        padding: 8px 12px;
        background: var(--accent);
        color: var(--accent-ink);
        border-radius: 6px;
        z-index: 10;
        border: 0;
        font: inherit;
      }
      .skip:focus {
        top: 6px;
      }
      dl {
        display: grid;
        grid-template-columns: auto 1fr;
        gap: 8px 16px;
        margin: 0;
      }
      dd {
        margin: 0;
      }
      kbd {
        font: 12px var(--mono);
        border: 1px solid var(--line-strong);
        border-radius: 4px;
        padding: 1px 5px;
        color: var(--muted);
      }
      @media (max-width: 720px) {
        .app {
          grid-template-columns: minmax(0, 1fr);
        }
        .menu {
          display: inline-grid;
        }
        nav {
          display: none;
        }
        nav[data-open] {
          display: flex;
          position: fixed;
          inset: 48px 0 auto 0;
          z-index: 20;
          border-right: 0;
          border-bottom: 1px solid var(--line);
          box-shadow: 0 8px 24px rgb(0 0 0 / 0.16);
        }
        nav a {
          padding: 12px;
        }
        main {
          padding: 16px 12px 0;
          scroll-padding-bottom: 200px;
        }
        .user span {
          display: none;
        }
      }
    `,
  ];

  static override properties = {
    ...AditElement.properties,
    _user: { state: true },
    _route: { state: true },
    _menuOpen: { state: true },
    _theme: { state: true },
    _problem: { state: true },
    _loginReason: { state: true },
  };

  /** Null: nobody is logged in. Undefined: not known yet. */
  declare private _user: User | null | undefined;
  declare private _route: Route;
  declare private _menuOpen: boolean;
  declare private _theme: 'light' | 'dark';
  declare private _problem: string | undefined;
  declare private _loginReason: string | undefined;

  #pendingKey: string | undefined;
  /** Whose screens are drawn; they stay while a session that ended is begun again. */
  #shown: User | undefined;
  /** Where the last search is, for the way back to it. */
  #lastSearch = '/find';
  #listening = new AbortController();

  constructor() {
    super();
    this._route = routeOf(new URL(location.href));
    this._menuOpen = false;
    this._theme = storedTheme() ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light');
    this.client = createClient({ baseUrl: new URL('/', location.href), fetch: this.#watchingFetch });
    new ContextProvider(this, { context: clientContext, initialValue: this.client });
  }

  /** Notices that the session has ended, whichever request meets it. */
  readonly #watchingFetch: typeof fetch = async (input, init) => {
    const response = await fetch(input, init);
    if (response.status === 401 && this._user) {
      this._loginReason = 'The session has ended. Log in again to go on where you were.';
      this._user = null;
    }
    return response;
  };

  override connectedCallback(): void {
    super.connectedCallback();
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    addEventListener('popstate', () => this.#arrive(), { signal });
    addEventListener('keydown', this.#onKey, { signal });
    this.#applyTheme();
    void this.#whoAmI();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#listening.abort();
  }

  override render() {
    if (this._problem !== undefined) {
      return html`<main class="alone">
        <div class="empty" role="alert">
          <h1>ADIT cannot be reached</h1>
          <p>${this._problem}</p>
          <wa-button appearance="outlined" @click=${() => this.#whoAmI()}>Try again</wa-button>
        </div>
      </main>`;
    }
    if (this._user === undefined) return html`<span class="visually-hidden" role="status">Loading</span>`;
    if (this._user) this.#shown = this._user;
    const user = this.#shown;
    if (user === undefined) {
      return html`<main class="alone">
        <adit-login @adit-login=${this.#onLogin}></adit-login>
      </main>`;
    }
    return html`
      ${keyed(user.username, this.#screens(user))}
      <wa-dialog
        id="again"
        label="Log in again"
        without-header
        ?open=${this._user === null}
        @wa-after-show=${() => this.renderRoot.querySelector('adit-login')?.focus()}
        @wa-hide=${this.#onHideLogin}
      >
        ${
          this._user === null
            ? html`<adit-login .reason=${this._loginReason} @adit-login=${this.#onLogin}></adit-login>`
            : nothing
        }
      </wa-dialog>
    `;
  }

  #screens(user: User): TemplateResult {
    return html`
      <div class="app" @click=${this.#onClick} @adit-open-job=${this.#onOpenJob}>
        <header>
          <button class="skip" @click=${this.#skip}>Skip to content</button>
          <button
            class="icon-button menu"
            aria-label="Navigation"
            aria-expanded=${this._menuOpen}
            @click=${() => {
              this._menuOpen = !this._menuOpen;
            }}
          >
            ${icon(this._menuOpen ? 'close' : 'menu', 20)}
          </button>
          <a class="brand" href="/find">ADIT</a>
          <span class="grow"></span>
          <button class="icon-button" aria-label="Keyboard shortcuts" @click=${this.#showKeys}>?</button>
          <button
            class="icon-button"
            aria-label=${this._theme === 'dark' ? 'Light theme' : 'Dark theme'}
            @click=${this.#toggleTheme}
          >
            ${icon(this._theme === 'dark' ? 'sun' : 'moon')}
          </button>
          <span class="user" title=${user.username}>${icon('user')}<span>${user.name || user.username}</span></span>
          <wa-button size="s" appearance="plain" @click=${this.#logout}>Log out</wa-button>
        </header>
        <nav aria-label="Main" ?data-open=${this._menuOpen}>
          ${SCREENS.map(
            (screen) => html`<a
              href=${this.#pathOf(screen)}
              aria-current=${screen.screens.includes(this._route.screen) ? 'page' : nothing}
              >${icon(screen.icon)}<span>${screen.label}</span></a
            >`,
          )}
        </nav>
        <main id="main" tabindex="-1">${this.#screen(user)}</main>
      </div>
      <wa-dialog id="keys" label="Keyboard shortcuts" light-dismiss>
        <dl>
          <dt><kbd>g</kbd> <kbd>f</kbd></dt>
          <dd>Find and transfer</dd>
          <dt><kbd>g</kbd> <kbd>j</kbd></dt>
          <dd>Jobs</dd>
          <dt><kbd>g</kbd> <kbd>n</kbd></dt>
          <dd>Nodes</dd>
          <dt><kbd>j</kbd> <kbd>k</kbd></dt>
          <dd>Next and previous row of the studies found</dd>
          <dt><kbd>x</kbd></dt>
          <dd>Choose the study</dd>
          <dt><kbd>Enter</kbd></dt>
          <dd>Show or hide the series of the study</dd>
          <dt><kbd>?</kbd></dt>
          <dd>This list</dd>
        </dl>
      </wa-dialog>
    `;
  }

  #screen({ administrator }: User): TemplateResult {
    const route = this._route;
    // What was found and chosen is still there after a look at the jobs or the nodes.
    return html`${cache(
      route.screen === 'find'
        ? html`<adit-study-search
            .state=${route.query.toString()}
            @adit-search-change=${this.#onSearchChange}
          ></adit-study-search>`
        : nothing,
    )}${this.#otherScreen(route, administrator)}`;
  }

  #otherScreen(route: Route, administrator: boolean): TemplateResult | typeof nothing {
    switch (route.screen) {
      case 'find':
        return nothing;
      case 'jobs':
        return html`<adit-job-list .all=${administrator}></adit-job-list>`;
      case 'job':
        return html`<adit-job .jobId=${route.jobId}></adit-job>`;
      case 'nodes':
        return html`<adit-nodes .editable=${administrator}></adit-nodes>`;
      case 'unknown':
        return html`<div class="empty">
          <h1>There is nothing here</h1>
          <p>The address does not lead to a page of ADIT.</p>
          <wa-button appearance="outlined" href="/find">Find studies</wa-button>
        </div>`;
    }
  }

  async #whoAmI(): Promise<void> {
    this._problem = undefined;
    try {
      this._user = await this.api.whoAmI();
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) this._user = null;
      else this._problem = problemText(error);
    }
  }

  #onLogin(event: CustomEvent<User>): void {
    this._loginReason = undefined;
    this._user = event.detail;
  }

  async #logout(): Promise<void> {
    try {
      await this.api.logout();
    } finally {
      this._loginReason = undefined;
      this.#shown = undefined;
      this.#lastSearch = '/find';
      this._user = null;
    }
  }

  /** Nothing but a login closes the question for it. */
  #onHideLogin(event: Event): void {
    if (event.target === event.currentTarget && this._user === null) event.preventDefault();
  }

  /** Links within the app change the URL without loading the page anew. */
  #onClick(event: MouseEvent): void {
    const link = event.composedPath().find((target) => target instanceof HTMLAnchorElement);
    if (!link || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey)
      return;
    if (link.origin !== location.origin || link.target || link.hasAttribute('download')) return;
    if (link.pathname.startsWith('/api/')) return;
    event.preventDefault();
    this.#go(link.pathname + link.search);
  }

  /** Find and transfer is where it was left; from there it leads to a search without filters. */
  #pathOf({ path }: (typeof SCREENS)[number]): string {
    return path === '/find' && this._route.screen !== 'find' ? this.#lastSearch : path;
  }

  #onOpenJob(event: CustomEvent<string>): void {
    this.#go(`/jobs/${event.detail}`);
  }

  #onSearchChange(event: CustomEvent<string>): void {
    const search = event.detail === '' ? '' : `?${event.detail}`;
    this.#lastSearch = `/find${search}`;
    if (this._route.screen !== 'find') return;
    history.replaceState(null, '', this.#lastSearch);
    this._route = routeOf(new URL(location.href));
  }

  #go(path: string): void {
    if (path !== location.pathname + location.search) history.pushState(null, '', path);
    this.#arrive();
  }

  #arrive(): void {
    this._menuOpen = false;
    this._route = routeOf(new URL(location.href));
    void this.updateComplete.then(() => this.renderRoot.querySelector('main')?.focus());
  }

  override updated(): void {
    const { title } = document;
    const screen = this._user ? TITLES[this._route.screen] : 'Log in';
    const now = this._route.screen === 'job' ? `Job ${this._route.jobId}` : screen;
    if (title !== `${now} · ADIT`) document.title = `${now} · ADIT`;
  }

  #skip(): void {
    this.renderRoot.querySelector('main')?.focus();
  }

  #showKeys(): void {
    const dialog = this.renderRoot.querySelector<WaDialog>('#keys');
    if (dialog) dialog.open = true;
  }

  readonly #onKey = (event: KeyboardEvent): void => {
    if (!this._user || event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return;
    const pending = this.#pendingKey;
    this.#pendingKey = undefined;
    if (pending === 'g') {
      const screen = SCREENS.find(({ key }) => key === event.key);
      if (screen) {
        event.preventDefault();
        event.stopImmediatePropagation();
        this.#go(this.#pathOf(screen));
      }
    } else if (event.key === 'g') {
      this.#pendingKey = 'g';
      setTimeout(() => {
        this.#pendingKey = undefined;
      }, 1_000);
    } else if (event.key === '?') {
      event.preventDefault();
      this.#showKeys();
    } else if (event.key === 'Escape' && this._menuOpen) {
      this._menuOpen = false;
    }
  };

  #toggleTheme(): void {
    this._theme = this._theme === 'dark' ? 'light' : 'dark';
    try {
      localStorage.setItem(THEME_KEY, this._theme);
    } catch {
      // Storage may be forbidden: the choice then lasts as long as the page.
    }
    this.#applyTheme();
  }

  #applyTheme(): void {
    document.documentElement.dataset.theme = this._theme;
  }
}

function storedTheme(): 'light' | 'dark' | undefined {
  try {
    const stored = localStorage.getItem(THEME_KEY);
    return stored === 'light' || stored === 'dark' ? stored : undefined;
  } catch {
    return undefined;
  }
}

customElements.define('adit-app', AditApp);

declare global {
  interface HTMLElementTagNameMap {
    'adit-app': AditApp;
  }
}
