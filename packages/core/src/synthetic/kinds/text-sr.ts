import type { AttributesInput } from '../../data/attribute-access.ts';
import { textOf } from '../../data/attribute-access.ts';
import { SopClass } from '../../data/sop-class.ts';
import type { InstanceContext } from '../instance-context.ts';
import { code, equipment, patientAndStudy, seriesIdentification, sopCommon } from '../modules.ts';
import type { SyntheticInstance } from '../types.ts';
import type { Kind } from './kind.ts';

function imageReference({ sopClassUid, sopInstanceUid }: SyntheticInstance): AttributesInput {
  return { ReferencedSOPClassUID: sopClassUid, ReferencedSOPInstanceUID: sopInstanceUid };
}

/** Evidence by study and series (Hierarchical SOP Instance Reference Macro, C.17.2.1). */
function evidenceSequence({ evidence, studyInstanceUid }: InstanceContext): AttributesInput[] {
  if (evidence.length === 0) return [];
  const bySeries = Map.groupBy(evidence, ({ attributes }) => textOf(attributes, 'SeriesInstanceUID') ?? '');
  return [
    {
      StudyInstanceUID: studyInstanceUid,
      ReferencedSeriesSequence: [...bySeries].map(([seriesInstanceUid, instances]) => ({
        SeriesInstanceUID: seriesInstanceUid,
        ReferencedSOPSequence: instances.map(imageReference),
      })),
    },
  ];
}

function section(heading: AttributesInput, content: readonly AttributesInput[]): AttributesInput {
  return {
    RelationshipType: 'CONTAINS',
    ValueType: 'CONTAINER',
    ConceptNameCodeSequence: [heading],
    ContinuityOfContent: 'SEPARATE',
    ContentSequence: content,
  };
}

function textItem(name: AttributesInput, text: string): AttributesInput {
  return {
    RelationshipType: 'CONTAINS',
    ValueType: 'TEXT',
    ConceptNameCodeSequence: [name],
    TextValue: text,
  };
}

/** Basic Text SR Storage (PS3.3 §A.35.1), in the manner of TID 2000, Basic Diagnostic Imaging Report. */
export const textSr: Kind = {
  sopClassUid: SopClass.BasicTextSrStorage,
  defaults: { rows: 0, columns: 0, multiFrame: false },
  attributes: (context) => {
    const { study, evidence, findings } = context;
    const evidenceItems = evidenceSequence(context);
    return {
      ...patientAndStudy(context),
      ...seriesIdentification(context, 'SR'),
      // SR Document Series (C.17.1): Type 2, and there is none.
      ReferencedPerformedProcedureStepSequence: [],
      ...equipment(context, 'Phantom Report'),
      // SR Document General (C.17.2).
      CompletionFlag: 'COMPLETE',
      VerificationFlag: 'UNVERIFIED',
      ContentDate: study.date,
      ContentTime: context.timeAfter(3600) || '000000',
      ReferencedRequestSequence: [
        {
          StudyInstanceUID: context.studyInstanceUid,
          ReferencedStudySequence: [],
          AccessionNumber: study.accessionNumber,
          PlacerOrderNumberImagingServiceRequest: '',
          FillerOrderNumberImagingServiceRequest: '',
          RequestedProcedureID: study.id,
          RequestedProcedureDescription: study.description,
          RequestedProcedureCodeSequence: [],
        },
      ],
      PerformedProcedureCodeSequence: [],
      CurrentRequestedProcedureEvidenceSequence: evidenceItems.length > 0 ? evidenceItems : undefined,
      // SR Document Content (C.17.3).
      ValueType: 'CONTAINER',
      ConceptNameCodeSequence: [code('18748-4', 'LN', 'Diagnostic imaging report')],
      ContinuityOfContent: 'SEPARATE',
      ContentSequence: [
        {
          RelationshipType: 'HAS CONCEPT MOD',
          ValueType: 'CODE',
          ConceptNameCodeSequence: [code('121049', 'DCM', 'Language of Content Item and Descendants')],
          ConceptCodeSequence: [code('de', 'RFC5646', 'German')],
        },
        {
          RelationshipType: 'HAS OBS CONTEXT',
          ValueType: 'PNAME',
          ConceptNameCodeSequence: [code('121008', 'DCM', 'Person Observer Name')],
          PersonName: study.referringPhysicianName,
        },
        section(code('121070', 'DCM', 'Findings'), [
          textItem(code('121071', 'DCM', 'Finding'), findings),
          ...evidence.map((instance) => ({
            RelationshipType: 'CONTAINS',
            ValueType: 'IMAGE',
            ReferencedSOPSequence: [imageReference(instance)],
          })),
        ]),
        section(code('121076', 'DCM', 'Conclusions'), [
          textItem(code('121077', 'DCM', 'Conclusion'), `${study.description}: ${findings}`),
        ]),
      ],
      ...sopCommon(context, textSr.sopClassUid),
    };
  },
};
