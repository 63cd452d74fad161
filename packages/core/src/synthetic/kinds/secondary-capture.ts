import { SopClass } from '../../data/sop-class.ts';
import {
  equipment,
  generalImage,
  generalSeries,
  imagePixel,
  patientAndStudy,
  sopCommon,
} from '../modules.ts';
import { screenPicture } from '../picture.ts';
import { type Kind, pictureOptions } from './kind.ts';

/** Secondary Capture Image Storage (PS3.3 §A.8.1): what a workstation saves of its screen. */
export const secondaryCapture: Kind = {
  sopClassUid: SopClass.SecondaryCaptureImageStorage,
  defaults: { rows: 512, columns: 512, multiFrame: false },
  picture: (context) => screenPicture(pictureOptions(context)),
  attributes: (context, picture) => ({
    ...patientAndStudy(context),
    ...generalSeries(context, 'OT'),
    ...equipment(context, 'Phantom Workstation'),
    ...generalImage(context, ['DERIVED', 'SECONDARY']),
    PatientOrientation: '',
    ...imagePixel(picture!, 8),
    // SC Equipment (C.8.6.1).
    ConversionType: 'WSD',
    ...sopCommon(context, secondaryCapture.sopClassUid),
  }),
};
