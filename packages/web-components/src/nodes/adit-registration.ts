import type { Registration } from '@adit/client';
import { css, html, nothing } from 'lit';
import { AditElement } from '../base/adit-element.ts';
import { icon } from '../base/icons.ts';
import { problemText } from '../base/problem.ts';

/** What the administrator of a PACS has to enter there, so that it talks with ADIT. */
export class AditRegistration extends AditElement {
  static override styles = [
    AditElement.styles,
    css`
      .card {
        padding: 14px 16px;
      }
      dl {
        display: grid;
        grid-template-columns: repeat(4, auto) 1fr;
        gap: 2px 32px;
        margin: 12px 0 0;
      }
      .remark {
        margin-top: 12px;
      }
      dl > div {
        min-width: 0;
      }
      dt {
        color: var(--muted);
        font-size: var(--size-0);
      }
      dd {
        margin: 0;
        font-family: var(--mono);
        overflow-wrap: anywhere;
        user-select: all;
      }
      @media (max-width: 900px) {
        dl {
          grid-template-columns: 1fr 1fr;
          gap: 12px 20px;
        }
      }
    `,
  ];

  static override properties = {
    ...AditElement.properties,
    _registration: { state: true },
    _problem: { state: true },
  };

  declare private _registration: Registration | undefined;
  declare private _problem: string | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    void this.updateComplete.then(() => this.#load());
  }

  protected override sessionBegan(): void {
    if (this._problem) void this.#load();
  }

  override render() {
    const facts = this._registration;
    return html`<section class="card" aria-labelledby="title">
      <h2 id="title">What to register at your PACS</h2>
      <p class="muted">
        A PACS answers only systems it knows. Have these values entered there, then test the node below.
      </p>
      ${this._problem ? html`<p class="notice bad" role="alert">${icon('alert')}${this._problem}</p>` : nothing}
      <dl>
        <div>
          <dt>Calling AE title</dt>
          <dd>${facts?.callingAeTitle ?? '…'}</dd>
        </div>
        <div>
          <dt>Receiving AE title</dt>
          <dd>${facts?.receiverAeTitle ?? '…'}</dd>
        </div>
        <div>
          <dt>Receiving port</dt>
          <dd>${facts?.receiverPort ?? '…'}</dd>
        </div>
        <div>
          <dt>${facts?.addresses.length === 1 ? 'Address' : 'Addresses'} of this server</dt>
          <dd>${facts?.addresses.join(', ') ?? '…'}</dd>
        </div>
      </dl>
      ${
        facts && !facts.receiverListening
          ? html`<p class="muted remark">
            Nothing listens at the receiving port: another program has it, as the log of ADIT says. Studies that are
            fetched with C-GET need none.
          </p>`
          : nothing
      }
    </section>`;
  }

  async #load(): Promise<void> {
    this._problem = undefined;
    try {
      this._registration = await this.api.registration();
    } catch (error) {
      this._problem = problemText(error);
    }
  }
}

customElements.define('adit-registration', AditRegistration);

declare global {
  interface HTMLElementTagNameMap {
    'adit-registration': AditRegistration;
  }
}
