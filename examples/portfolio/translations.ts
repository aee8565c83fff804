import type { Dictionary } from '../shared/translations.ts';

export const portfolioTranslations = {
  appName: { 'zh-TW': '學習歷程檔案', en: 'Learning Portfolio' },
  appLead: {
    'zh-TW': '學生上傳課程學習成果與多元表現，家長可以查看孩子的檔案。',
    en: 'Students upload course work and activities. Parents can view their child’s files.',
  },
  'drawer.course': { 'zh-TW': '課程學習成果', en: 'Course work' },
  'drawer.course.about': {
    'zh-TW': '修課的作業、作品與報告，經任課教師認證。',
    en: 'Assignments, projects and reports, verified by the teacher.',
  },
  'drawer.activities': { 'zh-TW': '多元表現', en: 'Activities' },
  'drawer.activities.about': {
    'zh-TW': '社團、競賽、志工服務與檢定等校內外活動。',
    en: 'Clubs, competitions, volunteering and certificates.',
  },
  'drawer.other': { 'zh-TW': '其他', en: 'Other' },
  'drawer.other.about': {
    'zh-TW': '自傳、學習計畫等，只有學生本人看得到。',
    en: 'Autobiography, study plan and similar files. Only you can view these.',
  },
  drawersTitle: { 'zh-TW': '檔案櫃', en: 'Folders' },
  fileCount: { 'zh-TW': '{count} 份檔案', en: '{count} files' },
  readOnly: {
    'zh-TW': '您可以查看，但不能上傳或修改。',
    en: 'You can view these files, but you cannot upload or change them.',
  },
  verified: { 'zh-TW': '教師已認證', en: 'Verified by the teacher' },
  unverified: { 'zh-TW': '待認證', en: 'Not verified yet' },
  allVerified: { 'zh-TW': '所有檔案都已由教師認證。', en: 'The teacher has verified all files.' },
  someVerified: {
    'zh-TW': '{verified} 份已認證，{waiting} 份待認證。',
    en: '{verified} verified, {waiting} not verified yet.',
  },
  'file.course': { 'zh-TW': '課程', en: 'Course' },
  'file.uploaded': { 'zh-TW': '上傳日期', en: 'Uploaded' },
  'file.size': { 'zh-TW': '大小', en: 'Size' },
  'file.state': { 'zh-TW': '認證', en: 'Verification' },
  closedTitle: { 'zh-TW': '您無法查看這個檔案櫃', en: 'You cannot view this folder' },
  closed: {
    'zh-TW': '家長可以查看課程學習成果與多元表現。',
    en: 'Parents can view course work and activities.',
  },
  noPermission: {
    'zh-TW': '您沒有查看這位學生學習歷程檔案的權限。若您認為有誤，請洽學校。',
    en: 'You do not have permission to view this student’s learning portfolio. If you think this is a mistake, contact your school.',
  },
  noRole: {
    'zh-TW': '「{role}」身分沒有可查看的學習歷程檔案。您可以從右上角的選單切換身分。',
    en: 'The role "{role}" has nothing to view here. You can switch roles in the menu at the top right.',
  },
  classTitle: { 'zh-TW': '班級學生', en: 'Your class' },
  classCaption: {
    'zh-TW': '{className}，本學期上傳與認證情形（虛構）',
    en: '{className}: files this term (fictional)',
  },
  seat: { 'zh-TW': '座號', en: 'Seat' },
  pupil: { 'zh-TW': '學生', en: 'Student' },
  pupilName: { 'zh-TW': '{surname}同學', en: 'Student {surname}' },
  uploaded: { 'zh-TW': '已上傳', en: 'Uploaded' },
  confirmed: { 'zh-TW': '已認證', en: 'Verified' },
  toDrawers: { 'zh-TW': '回檔案櫃', en: 'Back to folders' },
  toDrawer: { 'zh-TW': '回「{drawer}」', en: 'Back to {drawer}' },
} satisfies Dictionary;
