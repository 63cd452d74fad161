import type { User } from '@adit/client';
import { css, html } from 'lit';
import '@awesome.me/webawesome/dist/components/button/button.js';
import '@awesome.me/webawesome/dist/components/input/input.js';
import type WaInput from '@awesome.me/webawesome/dist/components/input/input.js';
import { AditElement } from '../base/adit-element.ts';
import { icon } from '../base/icons.ts';
import { problemText } from '../base/problem.ts';

/**
 * Asks for user name and password.
 *
 * @fires adit-login - `detail` is the `User` who logged in
 */
export class AditLogin extends AditElement {
  static override styles = [
    AditElement.styles,
    css`
      :host {
        display: grid;
        place-items: center;
        min-height: 100%;
        padding: 24px 16px;
      }
      form {
        width: min(360px, 100%);
        padding: 24px;
        display: grid;
        gap: 16px;
      }
      h1 {
        margin-bottom: 4px;
      }
      .notice {
        margin: 0;
      }
    `,
  ];

  static override properties = {
    ...AditElement.properties,
    reason: { type: String },
    _error: { state: true },
    _busy: { state: true },
  };

  /** Why one has to log in, where that is worth a word: for example that the session ended. */
  declare reason: string | undefined;
  declare private _error: string | undefined;
  declare private _busy: boolean;

  override render() {
    return html`
      <form class="card" @submit=${this.#submit} aria-labelledby="title">
        <div>
          <h1 id="title">Log in to ADIT</h1>
          <p class="muted">${this.reason ?? 'Automated DICOM Transfer. For research; not a medical device.'}</p>
        </div>
        ${this._error ? html`<p class="notice bad" role="alert">${icon('alert')}${this._error}</p>` : ''}
        <wa-input
          name="username"
          label="User name"
          autocomplete="username"
          autocapitalize="off"
          spellcheck="false"
          required
          autofocus
        ></wa-input>
        <wa-input
          name="password"
          label="Password"
          type="password"
          autocomplete="current-password"
          password-toggle
          required
        ></wa-input>
        <wa-button type="submit" variant="brand" ?loading=${this._busy}>Log in</wa-button>
      </form>
    `;
  }

  override firstUpdated(): void {
    this.focus();
  }

  /** Gives the focus to the first field. */
  override focus(): void {
    const first = this.renderRoot.querySelector<WaInput>('wa-input');
    // Not before the field has drawn its own input.
    void first?.updateComplete.then(() => first.focus());
  }

  async #submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    if (this._busy) return;
    const form = new FormData(event.target as HTMLFormElement);
    this._busy = true;
    this._error = undefined;
    try {
      const user: User = await this.api.login({
        body: { username: String(form.get('username') ?? ''), password: String(form.get('password') ?? '') },
      });
      this.dispatchEvent(new CustomEvent('adit-login', { detail: user, bubbles: true, composed: true }));
    } catch (error) {
      this._error = problemText(error);
      this.renderRoot.querySelector<WaInput>('wa-input[name="password"]')?.select();
    } finally {
      this._busy = false;
    }
  }
}

customElements.define('adit-login', AditLogin);

declare global {
  interface HTMLElementTagNameMap {
    'adit-login': AditLogin;
  }
}
