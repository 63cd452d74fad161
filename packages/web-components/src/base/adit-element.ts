import { type Client, createClient } from '@adit/client';
import { registerIconLibrary } from '@awesome.me/webawesome/dist/components/icon/library.js';
import { ContextConsumer, createContext } from '@lit/context';
import { type CSSResultGroup, LitElement } from 'lit';
import { styles } from './styles.ts';
import { tokens } from './tokens.ts';
import { webAwesomeTokens } from './web-awesome-tokens.ts';

/** The API client that the app hands to the elements within it. */
export const clientContext = createContext<Client>(Symbol.for('@adit/client'));

// Icons of Web Awesome would be fetched from somewhere else; all of ours are part of the page.
registerIconLibrary('default', {
  resolver: () => 'data:image/svg+xml,<svg xmlns="http://www.w3.org/2000/svg"/>',
});

/**
 * Base of all elements: the look, and the way to the server.
 *
 * Inside `adit-app` an element takes the app's client. Alone in a foreign page it is told where the server is
 * (`server="https://adit.example.org/"`) or given a client (`element.client = …`).
 */
export class AditElement extends LitElement {
  static override styles: CSSResultGroup = [tokens, webAwesomeTokens, styles];

  static override properties = {
    server: { type: String },
    client: { attribute: false },
  };

  declare server: string | undefined;
  declare client: Client | undefined;

  #own: Client | undefined;

  constructor() {
    super();
    new ContextConsumer(this, {
      context: clientContext,
      subscribe: true,
      callback: (client) => {
        this.client ??= client;
      },
    });
  }

  override connectedCallback(): void {
    super.connectedCallback();
    addEventListener('adit-login', this.#onLogin);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    removeEventListener('adit-login', this.#onLogin);
  }

  readonly #onLogin = (): void => this.sessionBegan();

  /** Somebody has logged in, here or elsewhere in the page: what was refused before may be asked again. */
  protected sessionBegan(): void {}

  /** The client to use: the one given, else one for `server`, else one for the server the page came from. */
  get api(): Client {
    if (this.client) return this.client;
    this.#own ??= createClient({ baseUrl: this.server ?? new URL('/', this.ownerDocument.baseURI) });
    return this.#own;
  }

  /** Address of a screen of ADIT, for links: a page that embeds an element has no such screens of its own. */
  protected link(path: string): string {
    return this.server === undefined ? path : new URL(path, this.server).href;
  }
}
