import { ApiError, type Node, type NodeSettings } from '@adit/client';
import { css, html, nothing, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import '@awesome.me/webawesome/dist/components/button/button.js';
import '@awesome.me/webawesome/dist/components/dialog/dialog.js';
import '@awesome.me/webawesome/dist/components/dropdown/dropdown.js';
import '@awesome.me/webawesome/dist/components/dropdown-item/dropdown-item.js';
import type WaDropdownItem from '@awesome.me/webawesome/dist/components/dropdown-item/dropdown-item.js';
import type { WaSelectEvent } from '@awesome.me/webawesome/dist/events/select.js';
import { AditElement } from '../base/adit-element.ts';
import { MISSING } from '../base/format.ts';
import { icon } from '../base/icons.ts';
import { problemText } from '../base/problem.ts';
import { problemNotice } from '../base/problem-notice.ts';
import './adit-node-form.ts';
import './adit-registration.ts';

interface Echo {
  state: 'asking' | 'ok' | 'failed';
  text: string;
}

const KINDS: Record<Node['kind'], string> = { dimse: 'DIMSE', dicomweb: 'DICOMweb', folder: 'Folder' };

/** The nodes, whether they answer, and what to register of ADIT at them. Administrators add and change nodes here. */
export class AditNodes extends AditElement {
  static override styles = [
    AditElement.styles,
    css`
      .address {
        max-width: 240px;
        overflow: hidden;
        text-overflow: ellipsis;
      }
      .echo {
        min-width: 200px;
        white-space: normal;
      }
      .buttons {
        text-align: right;
      }
      .echo .chip {
        margin-right: 6px;
      }
      tbody td {
        height: 56px;
        padding-top: 6px;
        padding-bottom: 6px;
      }
      td.buttons > * {
        vertical-align: middle;
      }
      adit-registration {
        margin-bottom: 24px;
      }
      h2 {
        margin: 0 0 8px;
      }
      wa-dialog {
        --width: min(520px, 94vw);
      }
      @media (max-width: 720px) {
        .wide {
          display: none;
        }
        tbody td,
        th {
          padding-left: 8px;
          padding-right: 8px;
        }
        .echo {
          min-width: 0;
        }
        .name {
          white-space: normal;
        }
        td.buttons {
          padding-left: 0;
        }
      }
    `,
  ];

  static override properties = {
    ...AditElement.properties,
    editable: { type: Boolean },
    _nodes: { state: true },
    _echoes: { state: true },
    _edited: { state: true },
    _removed: { state: true },
    _problem: { state: true },
    _formProblem: { state: true },
    _fieldProblems: { state: true },
  };

  /** The user may add, change and remove nodes. */
  declare editable: boolean;
  declare private _nodes: readonly Node[] | undefined;
  declare private _echoes: ReadonlyMap<string, Echo>;
  /** Node in the form; `new` for one to be added. */
  declare private _edited: Node | 'new' | undefined;
  declare private _removed: Node | undefined;
  declare private _problem: string | undefined;
  declare private _formProblem: string | undefined;
  declare private _fieldProblems: Readonly<Record<string, string>>;

  constructor() {
    super();
    this.editable = false;
    this._echoes = new Map();
    this._fieldProblems = {};
  }

  override connectedCallback(): void {
    super.connectedCallback();
    void this.updateComplete.then(() => this.#load());
  }

  protected override sessionBegan(): void {
    if (this._problem) void this.#load();
  }

  override render() {
    return html`
      <div class="head">
        <h1>Nodes</h1>
        <span class="grow"></span>
        ${this._nodes?.length ? html`<wa-button appearance="outlined" @click=${this.#echoAll}>Test all</wa-button>` : nothing}
        ${
          this.editable
            ? html`<wa-button variant="brand" @click=${() => this.#edit('new')}>Add a node</wa-button>`
            : nothing
        }
      </div>
      ${problemNotice(this._problem, () => this.#load())}
      <adit-registration .client=${this.api}></adit-registration>
      <h2>Where studies come from and go to</h2>
      <div class="card scroll">${this.#content()}</div>
      <wa-dialog
        label=${this._edited === 'new' ? 'Add a node' : 'Change the node'}
        ?open=${this._edited !== undefined}
        @wa-after-show=${(event: Event) => {
          // The lists of the form send this event too.
          if (event.target === event.currentTarget) this.renderRoot.querySelector('adit-node-form')?.focus();
        }}
        @wa-hide=${(event: Event) => {
          if (event.target === event.currentTarget) this._edited = undefined;
        }}
      >
        ${
          this._edited === undefined
            ? nothing
            : html`<adit-node-form
              .node=${this._edited === 'new' ? undefined : this._edited}
              .problem=${this._formProblem}
              .fieldProblems=${this._fieldProblems}
              @adit-node-save=${(event: CustomEvent<NodeSettings>) => this.#save(event.detail)}
              @adit-node-back=${() => {
                this._edited = undefined;
              }}
            ></adit-node-form>`
        }
      </wa-dialog>
      <wa-dialog
        label="Remove the node"
        ?open=${this._removed !== undefined}
        @wa-hide=${(event: Event) => {
          if (event.target === event.currentTarget) this._removed = undefined;
        }}
      >
        <p>${this._removed?.name} is removed from ADIT. Nothing changes at the node itself.</p>
        ${this._formProblem ? html`<p class="notice bad" role="alert">${icon('alert')}${this._formProblem}</p>` : nothing}
        <wa-button appearance="outlined"
          slot="footer"
          @click=${() => {
            this._removed = undefined;
          }}
          >Back</wa-button
        >
        <wa-button slot="footer" variant="danger" @click=${this.#remove}>Remove ${this._removed?.name}</wa-button>
      </wa-dialog>
    `;
  }

  #content(): TemplateResult {
    if (this._nodes?.length === 0) {
      return html`<div class="empty">
        <h2>No nodes yet</h2>
        <p>A node is a PACS, a DICOMweb service or a folder.</p>
        ${this.editable ? html`<wa-button variant="brand" @click=${() => this.#edit('new')}>Add a node</wa-button>` : nothing}
      </div>`;
    }
    return html`<table aria-label="Nodes" aria-busy=${this._nodes === undefined}>
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col" class="wide">Kind</th>
          <th scope="col" class="wide">Address</th>
          <th scope="col" class="wide">Use</th>
          <th scope="col">Does it answer?</th>
          <th scope="col"><span class="visually-hidden">Actions</span></th>
        </tr>
      </thead>
      <tbody>
        ${
          this._nodes === undefined
            ? Array.from(
                { length: 2 },
                () => html`<tr aria-hidden="true"><td colspan="6"><span class="skeleton"></span></td></tr>`,
              )
            : repeat(
                this._nodes,
                ({ id }) => id,
                (node) => this.#row(node),
              )
        }
      </tbody>
    </table>`;
  }

  #row(node: Node): TemplateResult {
    const echo = this._echoes.get(node.id);
    return html`<tr>
      <td class="name">${node.name}</td>
      <td class="wide">${KINDS[node.kind]}</td>
      <td class="mono address wide" title=${addressOf(node)}>${addressOf(node)}</td>
      <td class="wide">${[node.source && 'source', node.destination && 'destination'].filter(Boolean).join(', ') || MISSING}</td>
      <td class="echo"><div role="status">${echo ? echoText(echo) : html`<span class="muted">${MISSING}</span>`}</div></td>
      <td class="buttons">
        <wa-button appearance="outlined" size="s" ?loading=${echo?.state === 'asking'} @click=${() => this.#echo(node)}
          >${node.kind === 'dimse' ? 'Echo' : 'Test'}<span class="visually-hidden"> ${node.name}</span></wa-button
        >${this.editable ? this.#menu(node) : nothing}
      </td>
    </tr>`;
  }

  #menu(node: Node): TemplateResult {
    return html`<wa-dropdown
      placement="bottom-end"
      @wa-select=${(event: WaSelectEvent) => {
        if ((event.detail.item as WaDropdownItem).value === 'change') this.#edit(node);
        else this.#askToRemove(node);
      }}
    >
      <button slot="trigger" class="icon-button" aria-label="More for ${node.name}">${icon('more')}</button>
      <wa-dropdown-item value="change">Change</wa-dropdown-item>
      <wa-dropdown-item value="remove">Remove</wa-dropdown-item>
    </wa-dropdown>`;
  }

  #askToRemove(node: Node): void {
    this._formProblem = undefined;
    this._removed = node;
  }

  async #load(): Promise<void> {
    this._problem = undefined;
    try {
      this._nodes = await this.api.listNodes();
    } catch (error) {
      this._problem = problemText(error);
    }
  }

  #echoAll(): void {
    for (const node of this._nodes ?? []) void this.#echo(node);
  }

  async #echo(node: Node): Promise<void> {
    const set = (echo: Echo) => {
      this._echoes = new Map(this._echoes).set(node.id, echo);
    };
    set({ state: 'asking', text: 'Asking' });
    try {
      const result = await this.api.echoNode({ params: { nodeId: node.id } });
      set({ state: result.ok ? 'ok' : 'failed', text: result.message });
    } catch (error) {
      set({ state: 'failed', text: problemText(error) });
    }
  }

  #edit(node: Node | 'new'): void {
    this._formProblem = undefined;
    this._fieldProblems = {};
    this._edited = node;
  }

  async #save(settings: NodeSettings): Promise<void> {
    const edited = this._edited;
    if (edited === undefined) return;
    this._formProblem = undefined;
    this._fieldProblems = {};
    try {
      const saved =
        edited === 'new'
          ? await this.api.createNode({ body: settings })
          : await this.api.updateNode({ params: { nodeId: edited.id }, body: settings });
      this._edited = undefined;
      await this.#load();
      void this.#echo(saved);
    } catch (error) {
      this._fieldProblems = (error instanceof ApiError && error.problem.fields) || {};
      const byField = Object.keys(this._fieldProblems).length > 0;
      this._formProblem = byField ? 'The node was not saved: see what is marked above.' : problemText(error);
    }
  }

  async #remove(): Promise<void> {
    if (!this._removed) return;
    try {
      await this.api.deleteNode({ params: { nodeId: this._removed.id } });
      this._removed = undefined;
      await this.#load();
    } catch (error) {
      this._formProblem = problemText(error);
    }
  }
}

function addressOf(node: Node): string {
  switch (node.kind) {
    case 'dimse':
      return `${node.aeTitle}@${node.host}:${node.port}`;
    case 'dicomweb':
      return node.url;
    case 'folder':
      return node.path;
  }
}

function echoText({ state, text }: Echo): TemplateResult {
  if (state === 'asking') return html`<span class="muted">${text}</span>`;
  return state === 'ok'
    ? html`<span class="chip ok">${icon('check', 12)}Answers</span> <span class="muted wide">${text}</span>`
    : html`<span class="chip bad">${icon('cross', 12)}Does not answer</span> <span>${text}</span>`;
}

customElements.define('adit-nodes', AditNodes);

declare global {
  interface HTMLElementTagNameMap {
    'adit-nodes': AditNodes;
  }
}
