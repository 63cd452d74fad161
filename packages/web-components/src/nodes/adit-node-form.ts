import type { Node, NodeSettings } from '@adit/client';
import { css, html, nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import '@awesome.me/webawesome/dist/components/button/button.js';
import '@awesome.me/webawesome/dist/components/input/input.js';
import type WaInput from '@awesome.me/webawesome/dist/components/input/input.js';
import '@awesome.me/webawesome/dist/components/option/option.js';
import '@awesome.me/webawesome/dist/components/select/select.js';
import type WaSelect from '@awesome.me/webawesome/dist/components/select/select.js';
import { AditElement } from '../base/adit-element.ts';
import { icon } from '../base/icons.ts';
import './adit-retrieval-order.ts';

type Kind = Node['kind'];

/**
 * The facts of one node.
 *
 * @fires adit-node-save - `detail` is the `NodeSettings` to save
 * @fires adit-node-back - the user changes nothing
 */
export class AditNodeForm extends AditElement {
  static override styles = [
    AditElement.styles,
    css`
      form {
        display: grid;
        gap: 14px;
      }
      .pair {
        display: grid;
        grid-template-columns: 2fr 1fr;
        align-items: end;
        gap: 12px;
      }
      .pair.even {
        grid-template-columns: 1fr 1fr;
      }
      .uses {
        display: flex;
        gap: 20px;
      }
      .uses label {
        display: inline-flex;
        gap: 8px;
        align-items: center;
      }
      .buttons {
        display: flex;
        justify-content: flex-end;
        gap: 8px;
      }
      .notice {
        margin: 0;
      }
      .trouble {
        color: var(--bad);
        font-size: var(--size-0);
      }
    `,
  ];

  static override properties = {
    ...AditElement.properties,
    node: { attribute: false },
    problem: { type: String },
    fieldProblems: { attribute: false },
    _kind: { state: true },
    _webUrl: { state: true },
  };

  /** The node to change; undefined to add one. */
  declare node: Node | undefined;
  /** What the server said against it. */
  declare problem: string | undefined;
  /** The same by field. */
  declare fieldProblems: Readonly<Record<string, string>>;
  declare private _kind: Kind;
  /** Root of the DICOMweb service of a PACS, as far as it is entered. */
  declare private _webUrl: string;

  constructor() {
    super();
    this._kind = 'dimse';
    this._webUrl = '';
    this.fieldProblems = {};
  }

  override willUpdate(changed: Map<PropertyKey, unknown>): void {
    if (!changed.has('node')) return;
    this._kind = this.node?.kind ?? 'dimse';
    this._webUrl = (this.node?.kind === 'dimse' ? this.node.dicomWebUrl : undefined) ?? '';
  }

  override updated(changed: Map<PropertyKey, unknown>): void {
    if (!changed.has('fieldProblems')) return;
    const [first] = this.renderRoot.querySelectorAll('.trouble');
    first?.closest('.field')?.querySelector<HTMLElement>('wa-input')?.focus();
  }

  /** Gives the focus to the name, with which a new node begins. */
  override focus(): void {
    this.renderRoot.querySelector<HTMLElement>('wa-input')?.focus();
  }

  override render() {
    const { node } = this;
    return html`<form @submit=${this.#submit}>
      <wa-select
        label="Kind"
        .value=${this._kind}
        ?disabled=${node !== undefined}
        @change=${(event: Event) => {
          this._kind = (event.target as WaSelect).value as Kind;
        }}
      >
        <wa-option value="dimse">PACS (DIMSE)</wa-option>
        <wa-option value="dicomweb">DICOMweb service</wa-option>
        <wa-option value="folder">Folder of this server</wa-option>
      </wa-select>
      ${this.#input('name', 'Name', node?.name, { required: true, maxlength: 64 })} ${this.#facts()}
      ${
        this._kind === 'folder'
          ? nothing
          : html`<div class="uses" role="group" aria-label="Use">
            <label
              ><input name="source" type="checkbox" .checked=${live(node?.source ?? true)} /><span>Source</span></label
            >
            <label
              ><input name="destination" type="checkbox" .checked=${live(node?.destination ?? false)} /><span
                >Destination</span
              ></label
            >
          </div>`
      }
      ${this.problem ? html`<p class="notice bad" role="alert">${icon('alert')}${this.problem}</p>` : nothing}
      <div class="buttons">
        <wa-button appearance="outlined" type="button" @click=${() => this.dispatchEvent(new CustomEvent('adit-node-back'))}>Back</wa-button>
        <wa-button type="submit" variant="brand">Save and test</wa-button>
      </div>
    </form>`;
  }

  #facts(): TemplateResult {
    const { node } = this;
    switch (this._kind) {
      case 'dimse': {
        const known = node?.kind === 'dimse' ? node : undefined;
        return html`${this.#input('aeTitle', 'AE title', known?.aeTitle, {
          required: true,
          maxlength: 16,
          hint: 'Of the PACS, case matters.',
        })}
          <div class="pair">
            ${this.#input('host', 'Host', known?.host, { required: true, maxlength: 255 })}
            ${this.#input('port', 'Port', String(known?.port ?? 104), { required: true, type: 'number', min: 1, max: 65535 })}
          </div>
          <div class="pair even">
            ${this.#input(
              'maxAssociations',
              'Most associations at once',
              String(known?.maxAssociations ?? 4),
              {
                required: true,
                type: 'number',
                min: 1,
                max: 64,
              },
            )}
            ${this.#maxTasks(known?.maxTasks)}
          </div>
          ${this.#input('dicomWebUrl', 'DICOMweb service root', this._webUrl, {
            type: 'url',
            maxlength: 2000,
            hint: 'Where the PACS has one, for example https://pacs.example.org/dicom-web',
            onInput: (value) => {
              this._webUrl = value;
            },
          })}
          ${this._webUrl.trim() === '' ? nothing : this.#authorization(known?.hasAuthorization)}
          <div class="field">
            <adit-retrieval-order
              .ways=${known?.retrieve}
              ?web=${this._webUrl.trim() !== ''}
            ></adit-retrieval-order>
            ${this.#trouble('retrieve', 'The order')}
          </div>`;
      }
      case 'dicomweb': {
        const known = node?.kind === 'dicomweb' ? node : undefined;
        return html`${this.#input('url', 'Service root', known?.url, {
          required: true,
          type: 'url',
          maxlength: 2000,
          hint: 'For example https://pacs.example.org/dicom-web',
        })}
        ${this.#authorization(known?.hasAuthorization)}
        ${this.#maxTasks(known?.maxTasks)}`;
      }
      case 'folder':
        return this.#input('path', 'Path', node?.kind === 'folder' ? node.path : '', {
          required: true,
          maxlength: 1024,
          hint: 'On the server; ADIT must be allowed to write there.',
        });
    }
  }

  #authorization(isKept: boolean | undefined): TemplateResult {
    return this.#input('authorization', 'Authorization header', '', {
      type: 'password',
      maxlength: 2000,
      hint: isKept
        ? 'One is kept, encrypted; leave this empty to keep it.'
        : 'For example Bearer …; kept encrypted and never shown again.',
    });
  }

  #trouble(name: string, label: string): TemplateResult | typeof nothing {
    const trouble = this.fieldProblems[name];
    return trouble ? html`<span class="trouble" role="alert">${label} ${trouble}</span>` : nothing;
  }

  #maxTasks(known: number | undefined): TemplateResult {
    return this.#input('maxTasks', 'Most studies at once', String(known ?? 2), {
      required: true,
      type: 'number',
      min: 1,
      max: 32,
    });
  }

  #input(
    name: string,
    label: string,
    value: string | undefined,
    options: {
      required?: boolean;
      type?: string;
      maxlength?: number;
      min?: number;
      max?: number;
      hint?: string;
      onInput?: (value: string) => void;
    } = {},
  ): TemplateResult {
    return html`<div class="field">
      <wa-input
        name=${name}
        label=${label}
        type=${(options.type ?? 'text') as 'text'}
        .value=${value ?? ''}
        ?required=${options.required}
        maxlength=${options.maxlength ?? nothing}
        min=${options.min ?? nothing}
        max=${options.max ?? nothing}
        hint=${options.hint ?? nothing}
        autocomplete="off"
        spellcheck="false"
        @input=${(event: Event) => options.onInput?.((event.target as WaInput).value ?? '')}
      ></wa-input>
      ${this.#trouble(name, label)}
    </div>`;
  }

  #submit(event: SubmitEvent): void {
    event.preventDefault();
    const form = new FormData(event.target as HTMLFormElement);
    const text = (name: string) => String(form.get(name) ?? '').trim();
    const common = { name: text('name'), source: form.has('source'), destination: form.has('destination') };
    const retrieve = this.renderRoot.querySelector('adit-retrieval-order')?.value;
    const settings: Record<Kind, () => NodeSettings> = {
      dimse: () => ({
        kind: 'dimse',
        ...common,
        aeTitle: text('aeTitle'),
        host: text('host'),
        port: Number(text('port')),
        maxAssociations: Number(text('maxAssociations')),
        ...webOf(text('dicomWebUrl'), text('authorization')),
        ...(retrieve && { retrieve }),
        maxTasks: Number(text('maxTasks')),
      }),
      dicomweb: () => ({
        kind: 'dicomweb',
        ...common,
        url: text('url'),
        maxTasks: Number(text('maxTasks')),
        ...authorizationOf(text('authorization')),
      }),
      folder: () => ({ kind: 'folder', ...common, source: false, destination: true, path: text('path') }),
    };
    this.dispatchEvent(new CustomEvent('adit-node-save', { detail: settings[this._kind]() }));
  }
}

/** An empty authorization is one that stays as it is. */
function authorizationOf(authorization: string): { authorization?: string } {
  return authorization === '' ? {} : { authorization };
}

function webOf(dicomWebUrl: string, authorization: string): { dicomWebUrl?: string; authorization?: string } {
  return dicomWebUrl === '' ? {} : { dicomWebUrl, ...authorizationOf(authorization) };
}

customElements.define('adit-node-form', AditNodeForm);

declare global {
  interface HTMLElementTagNameMap {
    'adit-node-form': AditNodeForm;
  }
}
