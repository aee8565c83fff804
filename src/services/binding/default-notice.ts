/**
 * The personal-data notice until the bureau publishes its own (Personal Data Protection Act, Article 8): who collects, why, which data, how
 * long, where, for whom, the rights of Article 3, and what a refusal means. A changed text needs the next version, because answers refer to
 * the words of a version. Version 1 did not say how long applications are kept.
 */
export const DEFAULT_NOTICE = {
  version: 2,
  chinese: `一、蒐集機關：市政府教育局（以下稱本局）及學生就讀之學校。

二、蒐集之目的：
1. 137 資通安全與管理、157 調查、統計與研究分析、158 學生（員）（含畢、結業生）資料管理、159 學術研究、175 其他地方政府機關暨所屬機關構內部單位管理、公共事務監督、行政協助及相關業務。
2. 提供親師生服務，如學習歷程檔案、學雜費繳納、社團與活動報名、線上請假、公佈欄、調查表及班級通知。

三、個人資料之類別：
1. 識別類：C001 辨識個人者、C003 政府資料中之辨識者。
2. 特徵類：C011 個人描述。

四、個人資料利用之期間、地區、對象及方式：
1. 期間：學生於本市各級學校就讀期間，或本局依相關法令或契約約定執行業務所必須之保存期間。親子綁定之申請資料於審核結束後保存一年，證明文件於審核結束後三十日刪除；本局變更此期間時，載於「我的資料」頁。
2. 地區：中華民國領域範圍內。
3. 對象：本局、本市資訊主管機關、學校及本局業務委外廠商。
4. 方式：用於單一身分驗證服務及經本局核准之教育服務。

五、您的權利：依個人資料保護法第三條，您可向學生就讀之學校提出申請，查詢、閱覽、製給複製本、補充或更正、請求停止蒐集、處理、利用或刪除您的個人資料。

六、不提供個人資料之影響：您可以自由選擇是否提供。若您不同意，或日後要求刪除、停止利用，將無法以家長身分登入上述服務；學生的就學權益不受影響。

七、您的選擇會連同時間與版本一併記錄。選擇不同意或無意參加後，您隨時可以回到本頁更改。`,
  english: `1. Who collects the data: the Department of Education of the city (the department) and the student's school.

2. Purposes:
- 137 information security and management, 157 surveys, statistics and research, 158 management of student data (including graduates), 159 academic research, 175 other internal management, supervision and administrative assistance of local government.
- Services for parents, teachers and students, such as learning portfolios, payment of fees, registration for clubs and activities, online leave requests, notices, surveys and class messages.

3. Categories of data:
- Identification: C001 data that identifies a person, C003 identifiers in government records.
- Characteristics: C011 personal description.

4. Period, area, recipients and use:
- Period: while the student attends a school of the city, or as long as laws or contracts require. Applications are kept for one year after the decision, and documents for 30 days. If the department changes these periods, the page "My data" shows the new ones.
- Area: the territory of the Republic of China (Taiwan).
- Recipients: the department, the city's information technology authority, the school, and contractors of the department.
- Use: for this sign-in service and for education services that the department has approved.

5. Your rights: under Article 3 of the Personal Data Protection Act, you can ask the student's school to see your data, to get a copy, to add to it or correct it, to stop its collection, processing or use, or to delete it.

6. If you do not provide data: the choice is yours. If you disagree, or later ask to delete your data or stop its use, you cannot sign in to these services as a parent. The student's education is not affected.

7. Your answer is recorded with its time and the version of this notice. After "I do not agree" or "I do not want to take part", you can change it on this page at any time.`,
} as const;
