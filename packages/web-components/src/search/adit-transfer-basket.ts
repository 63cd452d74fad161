import type { Node } from '@adit/client';
import { css, html, nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import '@awesome.me/webawesome/dist/components/button/button.js';
import '@awesome.me/webawesome/dist/components/dialog/dialog.js';
import '@awesome.me/webawesome/dist/components/input/input.js';
import '@awesome.me/webawesome/dist/components/option/option.js';
import '@awesome.me/webawesome/dist/components/select/select.js';
import type WaDialog from '@awesome.me/webawesome/dist/components/dialog/dialog.js';
import type WaSelect from '@awesome.me/webawesome/dist/components/select/select.js';
import { AditElement } from '../base/adit-element.ts';
import { formatCount, formatName, MISSING } from '../base/format.ts';
import { icon } from '../base/icons.ts';
import { problemText } from '../base/problem.ts';
import {
  type Basket,
  imagesOfAll,
  jobOf,
  numberedPseudonyms,
  type Patient,
  patientsOf,
  pseudonymTrouble,
} from './basket.ts';

/**
 * What was chosen, where it goes and under which pseudonyms; checks the plan with the user and starts the transfer.
 *
 * @fires adit-open-job - `detail` is the id of the job that was started
 * @fires adit-basket-clear - the choice is to be dropped
 */
export class AditTransferBasket extends AditElement {
  static override styles = [
    AditElement.styles,
    css`
      .basket {
        display: flex;
        align-items: flex-end;
        gap: 16px;
        padding: 12px 16px;
        background: var(--raised);
        border: 1px solid var(--line-strong);
        border-radius: 12px;
        box-shadow: 0 8px 24px rgb(0 0 0 / 0.12);
        flex-wrap: wrap;
      }
      .what {
        align-self: center;
        min-width: 180px;
      }
      .what b {
        font-weight: 650;
      }
      wa-select {
        width: 190px;
      }
      .pseudonym {
        width: 170px;
      }
      .number {
        display: flex;
        gap: 8px;
        align-items: flex-end;
        flex-wrap: wrap;
      }
      .number wa-input {
        flex: 0 1 200px;
      }
      wa-dialog {
        --width: min(760px, 94vw);
      }
      .plan {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 16px;
      }
      .plan .card {
        max-height: 46vh;
        overflow: auto;
      }
      .plan td {
        height: 48px;
        padding-top: 6px;
        padding-bottom: 6px;
        white-space: normal;
        overflow-wrap: anywhere;
      }
      .plan td.num {
        white-space: nowrap;
        overflow-wrap: normal;
      }
      .plan td wa-input {
        width: 0;
        min-width: 100%;
      }
      .plan th:nth-child(2) {
        width: 45%;
      }
      .trouble {
        color: var(--bad);
        font-size: var(--size-0);
      }
      .choice {
        display: flex;
        gap: 8px;
        align-items: flex-start;
      }
      .choice input {
        margin-top: 2px;
      }
      .route {
        display: flex;
        gap: 8px;
        align-items: center;
        flex-wrap: wrap;
      }
      .buttons {
        display: flex;
        justify-content: flex-end;
        gap: 8px;
      }
      .notice {
        margin: 0;
      }
      @media (max-width: 720px) {
        .basket {
          gap: 8px 12px;
          padding: 10px 12px;
        }
        wa-select,
        .pseudonym {
          width: calc(50% - 6px);
          flex: 1 1 40%;
        }
        .what {
          flex: 1 1 60%;
        }
        .wide {
          display: none;
        }
        tbody td,
        th {
          padding-left: 8px;
          padding-right: 8px;
        }
      }
    `,
  ];

  static override properties = {
    ...AditElement.properties,
    basket: { attribute: false },
    source: { attribute: false },
    destinations: { attribute: false },
    _destination: { state: true },
    _pseudonyms: { state: true },
    _unchanged: { state: true },
    _prefix: { state: true },
    _planning: { state: true },
    _checked: { state: true },
    _busy: { state: true },
    _problem: { state: true },
  };

  declare basket: Basket;
  declare source: Node | undefined;
  declare destinations: readonly Node[];
  declare private _destination: string;
  /** Pseudonyms by patient; kept while the choice changes. */
  declare private _pseudonyms: ReadonlyMap<string, string>;
  /** The user wants patient data to go along. */
  declare private _unchanged: boolean;
  declare private _prefix: string;
  declare private _planning: boolean;
  /** The user tried to start: what is missing is shown now. */
  declare private _checked: boolean;
  declare private _busy: boolean;
  declare private _problem: string | undefined;

  constructor() {
    super();
    this.basket = new Map();
    this.destinations = [];
    this._destination = '';
    this._pseudonyms = new Map();
    this._unchanged = false;
    this._prefix = 'SUBJ';
    this._planning = false;
    this._checked = false;
    this._busy = false;
  }

  override willUpdate(): void {
    if (!this.destinations.some(({ id }) => id === this._destination))
      this._destination = this.destinations[0]?.id ?? '';
  }

  override render() {
    if (this.basket.size === 0) return nothing;
    const patients = patientsOf(this.basket);
    const [only] = patients;
    return html`
      <section class="basket" aria-label="Chosen studies">
        <div class="what">
          <b>${this.#count(this.basket.size, 'study', 'studies')}</b>
          <span class="muted">of ${this.#count(patients.length, 'patient', 'patients')} · ${this.#images()}</span>
        </div>
        <span class="grow"></span>
        ${this.#destinationSelect()}
        ${
          patients.length === 1 && only && !this._unchanged
            ? html`<wa-input
              class="pseudonym"
              label="Pseudonym"
              placeholder="SUBJ001"
              maxlength="64"
              autocomplete="off"
              .value=${live(this._pseudonyms.get(only.key) ?? '')}
              @input=${(event: Event) => this.#setPseudonym(only, event)}
              @keydown=${(event: KeyboardEvent) => {
                if (event.key !== 'Enter') return;
                // Else the same key press would close the dialog, whose button gets the focus.
                event.preventDefault();
                this.#open();
              }}
            ></wa-input>`
            : nothing
        }
        <wa-button appearance="plain" @click=${() => this.#emit('adit-basket-clear')}>Clear</wa-button>
        <wa-button variant="brand" ?disabled=${this._destination === ''} @click=${this.#open}>Check plan</wa-button>
      </section>
      <wa-dialog
        label="Check the plan"
        ?open=${this._planning}
        @wa-after-show=${this.#focusFirstTrouble}
        @wa-hide=${(event: Event) => {
          if (event.target === event.currentTarget) this._planning = false;
        }}
      >
        ${this._planning ? this.#plan(patients) : nothing}
      </wa-dialog>
    `;
  }

  #destinationSelect(): TemplateResult {
    if (this.destinations.length === 0) {
      return html`<span class="muted">No destination: an administrator adds one under <a href=${this.link('/nodes')}>Nodes</a>.</span>`;
    }
    return html`<wa-select
      label="To"
      .value=${this._destination}
      @change=${(event: Event) => {
        this._destination = String((event.target as WaSelect).value ?? '');
      }}
    >
      ${this.destinations.map((node) => html`<wa-option value=${node.id}>${node.name}</wa-option>`)}
    </wa-select>`;
  }

  #plan(patients: Patient[]): TemplateResult {
    const destination = this.destinations.find(({ id }) => id === this._destination);
    const troubles = this.#troubles(patients);
    return html`<form class="plan" @submit=${this.#start}>
      <div class="route">
        <b>${this.#count(this.basket.size, 'study', 'studies')}</b>
        <span class="muted">${this.#images()}</span>
        <span>from <b>${this.source?.name}</b></span>${icon('arrow', 14)}<b>${destination?.name}</b>
      </div>
      ${
        this._unchanged || patients.length < 2
          ? nothing
          : html`<div class="number">
            <wa-input
              label="Number the patients"
              maxlength="50"
              .value=${live(this._prefix)}
              @input=${(event: Event) => {
                this._prefix = (event.target as HTMLInputElement).value;
              }}
            ></wa-input>
            <wa-button appearance="outlined" type="button" @click=${() => this.#number(patients)}>Fill in ${numberedPseudonyms(this._prefix, patients.length)[0]} …</wa-button>
          </div>`
      }
      <div class="card">
        <table aria-label="Patients and their pseudonyms">
          <thead>
            <tr>
              <th scope="col">Patient</th>
              <th scope="col">${this._unchanged ? 'Patient ID' : 'Pseudonym'}</th>
              <th scope="col" class="num wide">Studies</th>
              <th scope="col" class="num">Images</th>
            </tr>
          </thead>
          <tbody>
            ${patients.map((patient) => {
              const name = formatName(patient.choices[0]?.study.patientName);
              const trouble = this._checked ? troubles.get(patient.key) : undefined;
              return html`<tr>
                <td>${name}</td>
                <td>
                  ${
                    this._unchanged
                      ? html`<span class="mono">${patient.choices[0]?.study.patientId || MISSING}</span>`
                      : html`<wa-input
                          class="bare"
                          label="Pseudonym of ${name}"
                          maxlength="64"
                          autocomplete="off"
                          .value=${live(this._pseudonyms.get(patient.key) ?? '')}
                          @input=${(event: Event) => this.#setPseudonym(patient, event)}
                        ></wa-input>
                        ${trouble ? html`<span class="trouble">${trouble}</span>` : nothing}`
                  }
                </td>
                <td class="num wide">${formatCount(patient.choices.length)}</td>
                <td class="num">${formatCount(imagesOfAll(patient.choices))}</td>
              </tr>`;
            })}
          </tbody>
        </table>
      </div>
      <label class="choice">
        <input
          type="checkbox"
          .checked=${live(this._unchanged)}
          @change=${(event: Event) => {
            this._unchanged = (event.target as HTMLInputElement).checked;
          }}
        />
        <span>Transfer unchanged, with names and all other patient data</span>
      </label>
      ${
        this._unchanged
          ? html`<p class="notice warn">${icon('alert')}Patient data leave ${this.source?.name} as they are.</p>`
          : html`<p class="muted">
            The pseudonym becomes Patient ID and name; what the Basic Profile of DICOM PS3.15 lists is removed or replaced.
            Text within the pictures stays: look at ultrasound and secondary captures before you pass them on.
          </p>`
      }
      <p role="alert" class=${this._checked && troubles.size > 0 ? 'trouble' : 'visually-hidden'}>
        ${
          this._checked && troubles.size > 0
            ? `${this.#count(troubles.size, 'pseudonym needs', 'pseudonyms need')} your attention before the transfer can start.`
            : ''
        }
      </p>
      ${this._problem ? html`<p class="notice bad" role="alert">${icon('alert')}${this._problem}</p>` : nothing}
      <div class="buttons">
        <wa-button appearance="outlined"
          type="button"
          @click=${() => {
            this._planning = false;
          }}
          >Back</wa-button
        >
        <wa-button type="submit" variant="brand" ?loading=${this._busy}>Start transfer</wa-button>
      </div>
    </form>`;
  }

  #images(): string {
    const images = imagesOfAll(this.basket.values());
    return images === undefined ? 'number of images not known' : this.#count(images, 'image', 'images');
  }

  #count(value: number, one: string, many: string): string {
    return `${formatCount(value)} ${value === 1 ? one : many}`;
  }

  /** What is wrong with which patient's pseudonym. Two patients under one pseudonym would become one. */
  #troubles(patients: Patient[]): Map<string, string> {
    const troubles = new Map<string, string>();
    if (this._unchanged) return troubles;
    const taken = new Map<string, string>();
    for (const { key } of patients) {
      const text = (this._pseudonyms.get(key) ?? '').trim();
      const trouble =
        pseudonymTrouble(text) ?? (taken.has(text) ? 'is another patient’s already' : undefined);
      if (trouble) troubles.set(key, `The pseudonym ${trouble}.`);
      taken.set(text, key);
    }
    return troubles;
  }

  #setPseudonym(patient: Patient, event: Event): void {
    this._pseudonyms = new Map(this._pseudonyms).set(
      patient.key,
      (event.target as HTMLInputElement).value ?? '',
    );
  }

  #number(patients: Patient[]): void {
    const pseudonyms = numberedPseudonyms(this._prefix, patients.length);
    this._pseudonyms = new Map(patients.map(({ key }, index) => [key, pseudonyms[index] ?? '']));
  }

  #open(): void {
    this._problem = undefined;
    this._checked = false;
    this._planning = true;
  }

  /** Puts the focus where the user has something to do. */
  #focusFirstTrouble(): void {
    const patients = patientsOf(this.basket);
    const troubles = this.#troubles(patients);
    const first = patients.findIndex(({ key }) => troubles.has(key));
    if (first < 0) return;
    this.renderRoot.querySelectorAll<HTMLElement>('td wa-input')[first]?.focus();
  }

  async #start(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    if (this._busy || !this.source) return;
    this._checked = true;
    if (this.#troubles(patientsOf(this.basket)).size > 0) {
      this.#focusFirstTrouble();
      return;
    }
    this._busy = true;
    this._problem = undefined;
    try {
      const pseudonyms = this._unchanged
        ? undefined
        : new Map([...this._pseudonyms].map(([key, text]) => [key, text.trim()]));
      const job = await this.api.createJob({
        body: jobOf(this.basket, this.source.id, this._destination, pseudonyms),
      });
      const dialog = this.renderRoot.querySelector<WaDialog>('wa-dialog');
      if (dialog) dialog.open = false;
      this._planning = false;
      this.#emit('adit-basket-clear');
      this.#emit('adit-open-job', job.id);
    } catch (error) {
      this._problem = problemText(error);
    } finally {
      this._busy = false;
    }
  }

  #emit(name: string, detail?: unknown): void {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }
}

customElements.define('adit-transfer-basket', AditTransferBasket);

declare global {
  interface HTMLElementTagNameMap {
    'adit-transfer-basket': AditTransferBasket;
  }
}
