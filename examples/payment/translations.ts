import type { Dictionary } from '../shared/translations.ts';

export const paymentTranslations = {
  appName: { 'zh-TW': '校園繳費系統', en: 'Campus Payment' },
  appLead: {
    'zh-TW': '查看孩子的繳費單，隨時安全繳費。',
    en: 'View your child’s school bills and pay them securely.',
  },
  billsTitle: { 'zh-TW': '繳費單', en: 'Bills' },
  open: { 'zh-TW': '尚未繳費', en: 'Amount due' },
  allPaid: { 'zh-TW': '目前沒有待繳的費用。', en: 'You have no bills to pay at the moment.' },
  amount: { 'zh-TW': 'NT$ {amount}', en: 'NT$ {amount}' },
  due: { 'zh-TW': '繳費期限 {day}', en: 'Due {day}' },
  paid: { 'zh-TW': '已繳費', en: 'Paid' },
  unpaid: { 'zh-TW': '待繳', en: 'Unpaid' },
  details: { 'zh-TW': '查看', en: 'View' },
  'bill.tuition': { 'zh-TW': '雜費', en: 'School fees' },
  'bill.insurance': { 'zh-TW': '學生團體保險費', en: 'Student group insurance' },
  'bill.lunch': { 'zh-TW': '午餐費', en: 'School lunch' },
  'bill.books': { 'zh-TW': '教科書費', en: 'Textbooks' },
  'bill.trip': { 'zh-TW': '校外教學費', en: 'School trip' },
  'bill.club': { 'zh-TW': '社團材料費', en: 'Club materials' },
  term: { 'zh-TW': '學年度－學期', en: 'Term' },
  number: { 'zh-TW': '繳費單號', en: 'Bill number' },
  dueLabel: { 'zh-TW': '繳費期限', en: 'Due' },
  total: { 'zh-TW': '金額', en: 'Amount' },
  pay: { 'zh-TW': '確認繳費 NT$ {amount}', en: 'Pay NT$ {amount}' },
  payHint: {
    'zh-TW': '示範系統，不會實際扣款。為保障您的帳號安全，若您上次登入已超過五分鐘，會先請您確認身分。',
    en: 'Demo only: no money is charged. To protect your account, we ask you to confirm your identity if you signed in more than five minutes ago.',
  },
  confirmAgain: {
    'zh-TW': '已確認您的身分。請核對金額，再按一次確認繳費。',
    en: 'Identity confirmed. Check the amount and press again to pay.',
  },
  notPaidTitle: { 'zh-TW': '繳費未完成', en: 'Payment was not completed' },
  stale: {
    'zh-TW': '這個頁面已過期，尚未繳費。請核對金額，再按一次確認繳費。',
    en: 'This page has expired, and nothing was paid. Check the amount and press again to pay.',
  },
  mayNotPay: {
    'zh-TW': '您可以查看繳費單；繳費不在您的權限內。',
    en: 'You can view the bills, but you do not have permission to pay them.',
  },
  receipt: { 'zh-TW': '收據號碼', en: 'Receipt' },
  paidAt: { 'zh-TW': '繳費時間', en: 'Paid on' },
  paidThanks: {
    'zh-TW': '這筆費用已繳清，不會重複收費。',
    en: 'This bill is settled. It will not be charged again.',
  },
  toBills: { 'zh-TW': '回繳費單列表', en: 'Back to bills' },
  noPermission: {
    'zh-TW': '您沒有查看這位學生繳費單的權限。若您認為有誤，請洽學校。',
    en: 'You do not have permission to view bills for this student. If you think this is a mistake, contact your school.',
  },
  noRole: {
    'zh-TW': '繳費單只提供家長查看，「{role}」身分沒有資料。您可以從右上角的選單切換身分。',
    en: 'Bills are shown to parents only. The role "{role}" has nothing to view here. You can switch roles in the menu at the top right.',
  },
} satisfies Dictionary;
