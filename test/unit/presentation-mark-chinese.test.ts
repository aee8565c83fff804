import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { markChinese } from '../../src/presentation/mark-chinese.ts';

describe('Chinese text in an English page', () => {
  it('is marked in text, but not in attributes, titles, options or elements with own language', () => {
    const marked = (text: string): string => `<span lang="zh-TW">${text}</span>`;
    for (const [html, expected] of [
      ['<p>Parent of 王小安 (Demo High)</p>', `<p>Parent of ${marked('王小安')} (Demo High)</p>`],
      ['<p>二年3班，王小安。 Yes</p>', `<p>${marked('二年3班，王小安。')} Yes</p>`],
      ['<input value="王小安" />', '<input value="王小安" />'],
      ['<title>王小安｜Kinpass</title><p>李</p>', `<title>王小安｜Kinpass</title><p>${marked('李')}</p>`],
      ['<option value="a">王</option><textarea>王</textarea>', '<option value="a">王</option><textarea>王</textarea>'],
      ['<a lang="zh-TW">中文</a><b>王</b>', `<a lang="zh-TW">中文</a><b>${marked('王')}</b>`],
      ['<svg><title>王</title><text>王</text></svg>', '<svg><title>王</title><text>王</text></svg>'],
      ['<!-- 王 --><script>"王"</script>', '<!-- 王 --><script>"王"</script>'],
    ] as const)
      assert.equal(markChinese(html), expected, html);
  });
});
